/** The height of a code field, so that its place can be reserved before CodeMirror is loaded. */

/** `text` looks like a plain input. The pixels below must match `code.css`. */
export type FieldLook = "code" | "text";

const LINE_PX = 19;
export const BORDERS_PX = 2;
const PADDING_PX: Readonly<Record<FieldLook, number>> = { code: 16, text: 9 };

/** Default limits of the lines that a field shows. */
export const LINES_MIN = 1;
export const LINES_MAX = 24;

function linesOf(text: string): number {
  let lines = 1;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) lines += 1;
  return lines;
}

export const heightFor = (lines: number, look: FieldLook): number => lines * LINE_PX + PADDING_PX[look] + BORDERS_PX;

/** Returns the height of a field in pixels, as if no line of its text wrapped. */
export function heightOf(
  text: string,
  minLines: number = LINES_MIN,
  maxLines: number = LINES_MAX,
  look: FieldLook = "code",
): number {
  return heightFor(Math.min(Math.max(minLines, maxLines), Math.max(minLines, linesOf(text))), look);
}

/** Height of a path field and the note below it. */
export const PATH_PX = heightFor(1, "text") + 4 + 16;
