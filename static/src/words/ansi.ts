/** Log lines with the colours that programs write, safely: SGR sequences become classes, all else is text.
 *
 * What a terminal would obey (cursor movement, titles, links) and what would disguise the text (control and
 * bidirectional characters) is shown written out, never obeyed.
 */

import { DISGUISES, written } from "./words";

export interface Piece {
  readonly text: string;
  /** Class names, space separated; `ctl` marks a character that is written out. */
  readonly style: string;
}

interface Pen {
  colour: number | null;
  bold: boolean;
  dim: boolean;
  underline: boolean;
}

// eslint-disable-next-line no-control-regex
const SGR = /\u001b\[([0-9;]*)m/g;

export function pieces(line: string): Piece[] {
  const out: Piece[] = [];
  const pen: Pen = { colour: null, bold: false, dim: false, underline: false };
  let at = 0;
  for (const match of line.matchAll(SGR)) {
    plain(line.slice(at, match.index), pen, out);
    obey(match[1] ?? "", pen);
    at = match.index + match[0].length;
  }
  plain(line.slice(at), pen, out);
  return out;
}

function plain(text: string, pen: Pen, out: Piece[]): void {
  if (!text) return;
  const style = styleOf(pen);
  let at = 0;
  for (const match of text.matchAll(DISGUISES)) {
    if (match.index > at) out.push({ text: text.slice(at, match.index), style });
    out.push({ text: written(match[0]), style: "ctl" });
    at = match.index + match[0].length;
  }
  if (at < text.length) out.push({ text: text.slice(at), style });
}

function styleOf(pen: Pen): string {
  const styles: string[] = [];
  if (pen.colour !== null) styles.push(`ansi-${pen.colour}`);
  if (pen.bold) styles.push("ansi-b");
  if (pen.dim) styles.push("ansi-d");
  if (pen.underline) styles.push("ansi-u");
  return styles.join(" ");
}

function obey(codes: string, pen: Pen): void {
  const list = codes === "" ? [0] : codes.split(";").map(Number);
  for (let i = 0; i < list.length; i += 1) {
    const code = list[i] ?? 0;
    if (code === 0) {
      pen.colour = null;
      pen.bold = pen.dim = pen.underline = false;
    } else if (code === 1) pen.bold = true;
    else if (code === 2) pen.dim = true;
    else if (code === 4) pen.underline = true;
    else if (code === 22) pen.bold = pen.dim = false;
    else if (code === 24) pen.underline = false;
    else if (code === 39) pen.colour = null;
    else if (code >= 30 && code <= 37) pen.colour = code - 30;
    else if (code >= 90 && code <= 97) pen.colour = code - 90;
    else if (code === 38 || code === 48) {
      // 256 and true colours have no place among colours that keep their contrast: the text stays as it is.
      i += list[i + 1] === 5 ? 2 : 4;
    }
  }
}
