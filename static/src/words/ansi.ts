/** Turns ANSI colours in log lines into CSS classes.
 *
 * Only SGR sequences have an effect. Other escape sequences (cursor movement, titles, links) and characters that could
 * disguise text (control and bidirectional characters) are shown escaped.
 */

import { DECEPTIVE_CHARACTERS, escaped } from "./words";

export interface StyledText {
  readonly text: string;
  /** Class names, separated by spaces; `ctl` marks an escaped character. */
  readonly style: string;
}

interface Pen {
  colour: number | null;
  bold: boolean;
  dim: boolean;
  underline: boolean;
}

const SGR = /\u001b\[([0-9;]*)m/g;

export function parseAnsi(line: string): StyledText[] {
  const out: StyledText[] = [];
  const pen: Pen = { colour: null, bold: false, dim: false, underline: false };
  let at = 0;
  for (const match of line.matchAll(SGR)) {
    addPlain(line.slice(at, match.index), pen, out);
    applyCodes(match[1] ?? "", pen);
    at = match.index + match[0].length;
  }
  addPlain(line.slice(at), pen, out);
  return out;
}

function addPlain(text: string, pen: Pen, out: StyledText[]): void {
  if (!text) return;
  const style = styleOf(pen);
  let at = 0;
  for (const match of text.matchAll(DECEPTIVE_CHARACTERS)) {
    if (match.index > at) out.push({ text: text.slice(at, match.index), style });
    out.push({ text: escaped(match[0]), style: "ctl" });
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

function applyCodes(codes: string, pen: Pen): void {
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
      // 256 and true colours are ignored: only the theme's colours keep their contrast.
      i += list[i + 1] === 5 ? 2 : 4;
    }
  }
}
