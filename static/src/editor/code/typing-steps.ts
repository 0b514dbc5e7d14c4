/** Divides typing into undo steps. */

import type { ViewUpdate } from "@codemirror/view";

const PAUSE_MS = 700;
const REPLACED_MS = 200;

export class TypingSteps {
  private at = -Infinity;
  private kind = "";
  private composing = false;
  /** Where the last change ended. */
  private end = -1;

  /** Returns whether a change starts a step: it comes after a pause, elsewhere, or is of another kind than the last one. */
  begins(update: ViewUpdate, now: number): boolean {
    const typed = update.transactions.some((transaction) => transaction.isUserEvent("input.type"));
    const deleted = update.transactions.some((transaction) => transaction.isUserEvent("delete"));
    let first = -1;
    let end = -1;
    let last = -1;
    let line = false;
    update.changes.iterChanges((fromA, toA, _fromB, toB, inserted) => {
      if (first < 0) first = fromA;
      last = toA;
      end = toB;
      line ||= inserted.lines > 1;
    });
    const kind = typed && !line ? "type" : deleted ? "delete" : "";
    // An input method replaces its text while it grows.
    const composed = typed && this.composing && first <= this.end && last >= this.end;
    const near = composed || first === this.end || (kind === "delete" && end <= this.end && this.end - end <= 1);
    const compose = update.transactions.some((transaction) => transaction.isUserEvent("input.type.compose"));
    // A browser deletes the selection before it composes in its place.
    const replaces = compose && this.kind === "delete" && near && now - this.at < REPLACED_MS;
    const begins = !replaces && (kind === "" || kind !== this.kind || now - this.at > PAUSE_MS || !near);
    this.at = now;
    this.composing = compose;
    this.kind = kind;
    this.end = end;
    return begins;
  }
}
