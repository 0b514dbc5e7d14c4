/** Loads the graph of a run. It never changes, so all parts of a page share one request. */

import { parseObject } from "../json";
import { gettext } from "../words/i18n";
import { type Graph, readGraph } from "./model";

/** A failure to load a graph, with a message for people. */
export class GraphLoadError extends Error {}

/** Returns why a graph could not be shown, for people. */
export function loadErrorText(error: unknown): string {
  return error instanceof GraphLoadError ? error.message : gettext("This browser could not compute the layout.");
}

const graphs = new Map<string, Promise<Graph>>();

/** Loads the graph at an address; a failed load is tried again the next time. Raises GraphLoadError. */
export function loadGraph(address: string): Promise<Graph> {
  let graph = graphs.get(address);
  if (!graph) {
    graph = fetchGraph(address);
    graphs.set(address, graph);
    graph.catch(() => graphs.delete(address));
  }
  return graph;
}

async function fetchGraph(address: string): Promise<Graph> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(address, { headers: { Accept: "application/json" }, credentials: "same-origin" });
    text = await response.text();
  } catch {
    throw new GraphLoadError(gettext("Can't reach the server."));
  }
  if (response.redirected || response.status === 401)
    throw new GraphLoadError(gettext("You're signed out. Reload the page to sign in."));
  if (response.status === 404) throw new GraphLoadError(gettext("This run was deleted."));
  if (!response.ok) throw new GraphLoadError(gettext("Something went wrong on the server. Its log has the details."));
  const graph = readGraph(parseObject(text) ?? {});
  if (!graph) throw new GraphLoadError(gettext("The server sent an unreadable graph. Reload the page."));
  return graph;
}
