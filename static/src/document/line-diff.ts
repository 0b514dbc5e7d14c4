/** A line diff of two texts. Pure. */

import { commonEnds } from "./patch";

interface DiffLine {
  /** In both texts, only in the newer, only in the older; "gap": unchanged lines are left out here. */
  readonly kind: "both" | "new" | "old" | "gap";
  readonly text: string;
}

/** Unchanged lines that are shown around a difference. */
const CONTEXT_LINES = 2;
/** The effort is the product of both lengths; beyond this limit only a common start and end are found. */
const PRODUCT_MAX = 1_000_000;

export function diffLines(older: string, newer: string): DiffLine[] {
  const before = older.split("\n");
  const after = newer.split("\n");
  const [start, end] = commonEnds(before, after);
  const both = (lines: readonly string[]): DiffLine[] => lines.map((text) => ({ kind: "both", text }));
  const middle = compareLines(before.slice(start, before.length - end), after.slice(start, after.length - end));
  return shorten([...both(after.slice(0, start)), ...middle, ...both(after.slice(after.length - end))]);
}

function compareLines(before: readonly string[], after: readonly string[]): DiffLine[] {
  const [rows, columns] = [before.length, after.length];
  const old = (text: string): DiffLine => ({ kind: "old", text });
  const made = (text: string): DiffLine => ({ kind: "new", text });
  if (!rows || !columns || rows * columns > PRODUCT_MAX) return [...before.map(old), ...after.map(made)];
  // Length of the longest common subsequence of the lines from each pair on.
  const width = columns + 1;
  const common = new Uint32Array((rows + 1) * width);
  const at = (row: number, column: number): number => common[row * width + column] ?? 0;
  for (let row = rows - 1; row >= 0; row -= 1) {
    for (let column = columns - 1; column >= 0; column -= 1)
      common[row * width + column] =
        before[row] === after[column]
          ? at(row + 1, column + 1) + 1
          : Math.max(at(row + 1, column), at(row, column + 1));
  }
  const lines: DiffLine[] = [];
  let [row, column] = [0, 0];
  while (row < rows && column < columns) {
    if (before[row] === after[column]) {
      lines.push({ kind: "both", text: after[column] ?? "" });
      row += 1;
      column += 1;
    } else if (at(row + 1, column) >= at(row, column + 1)) lines.push(old(before[row++] ?? ""));
    else lines.push(made(after[column++] ?? ""));
  }
  return [...lines, ...before.slice(row).map(old), ...after.slice(column).map(made)];
}

function shorten(lines: readonly DiffLine[]): DiffLine[] {
  const near = new Uint8Array(lines.length);
  lines.forEach((line, index) => {
    if (line.kind !== "both") near.fill(1, Math.max(0, index - CONTEXT_LINES), index + CONTEXT_LINES + 1);
  });
  const shown: DiffLine[] = [];
  lines.forEach((line, index) => {
    if (near[index]) shown.push(line);
    else if (shown.at(-1)?.kind !== "gap") shown.push({ kind: "gap", text: "" });
  });
  return shown;
}
