/** A large document is drawn first: what reads as much again, here and on the server, would be in the way of that. */

import type { EditorStore } from "../document/store";

const LARGE = 2000;

/** Runs it now; beside a large document in `ms`. */
export function afterDrawing(store: EditorStore, ms: number, run: () => void): void {
  if (store.doc.nodes.length > LARGE) window.setTimeout(run, ms);
  else run();
}
