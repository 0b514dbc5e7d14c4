/** Applies the result of a verb, or shows why the verb was refused. */

import { toast } from "../behaviours/toast";
import type { EditorStore } from "./store";
import type { VerbResult } from "./verb";

const SHOWN_MS = 8000;
let shownToast: HTMLElement | null = null;

/** Returns whether the document changed. A refusal is shown as a message, which replaces the last one. */
export function performVerb(editing: { readonly store: EditorStore }, verb: VerbResult): boolean {
  if ("refused" in verb) {
    showRefusal(verb.refused);
    return false;
  }
  const { changes, label, mergeKey, select } = verb;
  shownToast?.remove();
  return editing.store.edit(changes, {
    label,
    ...(mergeKey === undefined ? {} : { mergeKey: mergeKey }),
    ...(select === undefined ? {} : { select }),
  });
}

/** Shows why something cannot be done. */
export function showRefusal(why: string): void {
  shownToast?.remove();
  const made = toast(why, "error");
  shownToast = made;
  window.setTimeout(() => made.remove(), SHOWN_MS);
}
