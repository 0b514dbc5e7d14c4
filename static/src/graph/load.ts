/** Loads the graph of a run. It never changes, so all parts of a page share one request. */

import { ApiError, call, offlineText } from "../api/client";
import type { JsonObject } from "../json";
import { gettext } from "../words/i18n";
import { type Graph, readGraph } from "./model";

/** A failure to load a graph, with a message for people. */
export class GraphLoadError extends Error {}

/** Returns why a graph could not be shown, for people. */
export function loadErrorText(error: unknown): string {
  return error instanceof GraphLoadError ? error.message : gettext("This browser could not compute the layout.");
}

/** Returns why a request about a run failed, for people. */
export function requestErrorText(error: unknown): string {
  if (!(error instanceof ApiError)) return offlineText();
  if (error.status === 401) return error.message;
  if (error.status === 404) return gettext("This run was deleted.");
  return gettext("Something went wrong on the server. Its log has the details.");
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
  let body: JsonObject;
  try {
    ({ body } = await call("GET", address));
  } catch (error) {
    throw new GraphLoadError(requestErrorText(error), { cause: error });
  }
  const graph = readGraph(body);
  if (!graph) throw new GraphLoadError(gettext("The server sent an unreadable graph. Reload the page."));
  return graph;
}
