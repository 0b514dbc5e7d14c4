/** Height of a code field, known before CodeMirror is there: who reserves its place makes no jump. */

/** `text`: looks like a plain input; `code.css` has the same figures. */
export type FieldLook = "code" | "text";

/** Of one line, in pixels. */
const LINE_PX = 19;
export const BORDERS_PX = 2;
const PADDING_PX: Readonly<Record<FieldLook, number>> = { code: 16, text: 9 };

/** Lines that a field has at least and at most when nobody says otherwise. */
export const LINES_MIN = 1;
export const LINES_MAX = 24;

export function linesOf(text: string): number {
  let lines = 1;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) lines += 1;
  return lines;
}

export const heightFor = (lines: number, look: FieldLook): number => lines * LINE_PX + PADDING_PX[look] + BORDERS_PX;

/** Height in pixels of a field that shows `text`; lines that wrap are not foreseen. */
export function heightOf(
  text: string,
  minLines: number = LINES_MIN,
  maxLines: number = LINES_MAX,
  look: FieldLook = "code",
): number {
  return heightFor(Math.min(Math.max(minLines, maxLines), Math.max(minLines, linesOf(text))), look);
}

/** Of a field for a path with what is said below it. */
export const PATH_PX = heightFor(1, "text") + 4 + 16;
