/** The graph of a run from the server. It never changes, so all parts of a page share one reading of it. */

import { parseObject } from "../json";
import { gettext } from "../words/i18n";
import { type Graph, readGraph } from "./model";

/** Why there is no graph, in words for people. */
export class NotLoaded extends Error {}

/** Why a graph could not be shown, in words for people. */
export function whyNot(error: unknown): string {
  return error instanceof NotLoaded ? error.message : gettext("Its layout could not be made in this browser.");
}

const known = new Map<string, Promise<Graph>>();

/** The graph at an address; one that could not be read is asked for again the next time. Raises NotLoaded. */
export function loadGraph(address: string): Promise<Graph> {
  let graph = known.get(address);
  if (!graph) {
    graph = read(address);
    known.set(address, graph);
    graph.catch(() => known.delete(address));
  }
  return graph;
}

async function read(address: string): Promise<Graph> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(address, { headers: { Accept: "application/json" }, credentials: "same-origin" });
    text = await response.text();
  } catch {
    throw new NotLoaded(gettext("The server cannot be reached."));
  }
  if (response.redirected || response.status === 401)
    throw new NotLoaded(gettext("You're signed out. Reload the page to sign in."));
  if (response.status === 404) throw new NotLoaded(gettext("This run was deleted."));
  if (!response.ok) throw new NotLoaded(gettext("The server answered with a fault. Its log says more."));
  const graph = readGraph(parseObject(text) ?? {});
  if (!graph) throw new NotLoaded(gettext("What the server sent is no graph. Load the page again."));
  return graph;
}
