/** What differs between two texts, line by line. Pure. */

export interface Line {
  /** Both have it, only the newer, only the older; or lines of both are left out. */
  readonly kind: "both" | "new" | "old" | "gap";
  readonly text: string;
}

/** Lines of both that are shown around what differs. */
const AROUND = 2;
/** Comparing takes the product of both: beyond that only ends in common are looked for. */
const PRODUCT_MAX = 1_000_000;

export function linesBetween(older: string, newer: string): Line[] {
  const before = older.split("\n");
  const after = newer.split("\n");
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start += 1;
  let end = 0;
  while (
    end < before.length - start &&
    end < after.length - start &&
    before[before.length - 1 - end] === after[after.length - 1 - end]
  )
    end += 1;
  const both = (lines: readonly string[]): Line[] => lines.map((text) => ({ kind: "both", text }));
  const middle = compared(before.slice(start, before.length - end), after.slice(start, after.length - end));
  return shortened([...both(after.slice(0, start)), ...middle, ...both(after.slice(after.length - end))]);
}

function compared(before: readonly string[], after: readonly string[]): Line[] {
  const [rows, columns] = [before.length, after.length];
  const old = (text: string): Line => ({ kind: "old", text });
  const made = (text: string): Line => ({ kind: "new", text });
  if (!rows || !columns || rows * columns > PRODUCT_MAX) return [...before.map(old), ...after.map(made)];
  // Length of the longest series in common of what follows each pair.
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
  const lines: Line[] = [];
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

function shortened(lines: readonly Line[]): Line[] {
  const near = new Uint8Array(lines.length);
  lines.forEach((line, index) => {
    if (line.kind !== "both") near.fill(1, Math.max(0, index - AROUND), index + AROUND + 1);
  });
  const shown: Line[] = [];
  lines.forEach((line, index) => {
    if (near[index]) shown.push(line);
    else if (shown.at(-1)?.kind !== "gap") shown.push({ kind: "gap", text: "" });
  });
  return shown;
}
