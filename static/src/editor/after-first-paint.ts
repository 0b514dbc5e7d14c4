/** Defers work on large documents until they are drawn. */

import type { EditorStore } from "../document/store";

const LARGE = 2000;

/** Runs a function now, or after `ms` if the document is large. */
export function afterDrawing(store: EditorStore, ms: number, run: () => void): void {
  if (store.doc.nodes.length > LARGE) window.setTimeout(run, ms);
  else run();
}
