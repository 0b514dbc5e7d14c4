/** Does what a verb says, or shows why it cannot be done. */

import { toast } from "../behaviours/toast";
import type { EditorStore } from "./store";
import type { Verb } from "./verbs";

const SHOWN_MS = 8000;
let shown: HTMLElement | null = null;

/** Whether it was done. A refusal is shown and said, in the place of the last one. */
export function perform(editing: { readonly store: EditorStore }, verb: Verb): boolean {
  if ("refused" in verb) {
    refuse(verb.refused);
    return false;
  }
  const { changes, label, merge, select } = verb;
  shown?.remove();
  return editing.store.edit(changes, {
    label,
    ...(merge === undefined ? {} : { merge }),
    ...(select === undefined ? {} : { select }),
  });
}

export function refuse(why: string): void {
  shown?.remove();
  const made = toast(why, "error");
  shown = made;
  window.setTimeout(() => made.remove(), SHOWN_MS);
}
