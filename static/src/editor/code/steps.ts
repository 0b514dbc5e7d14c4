/** Where one step of undo ends and the next begins while one types. */

import type { ViewUpdate } from "@codemirror/view";

const PAUSE_MS = 700;
const REPLACED_MS = 200;

export class Steps {
  private at = -Infinity;
  private kind = "";
  private composing = false;
  /** Where the last change ended. */
  private end = -1;

  /** Whether this change is a step of its own: it comes after a pause, elsewhere, or is of another kind than the one before. */
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
    // What an input method composes is replaced while it grows.
    const composed = typed && this.composing && first <= this.end && last >= this.end;
    const near = composed || first === this.end || (kind === "delete" && end <= this.end && this.end - end <= 1);
    const compose = update.transactions.some((transaction) => transaction.isUserEvent("input.type.compose"));
    // A browser takes out what was selected before it composes in its place.
    const replaces = compose && this.kind === "delete" && near && now - this.at < REPLACED_MS;
    const begins = !replaces && (kind === "" || kind !== this.kind || now - this.at > PAUSE_MS || !near);
    this.at = now;
    this.composing = compose;
    this.kind = kind;
    this.end = end;
    return begins;
  }
}
