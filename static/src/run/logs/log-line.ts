/** A line of a log as a row: time, level, node, and the message with its colours and highlighted matches.
 *
 * Of a long line only the visible part is laid out: with 16 KiB in each row, the page would otherwise lay out a megabyte at
 * every scroll step.
 */

import { clockTime } from "../../behaviours/clock";
import { element, setAttribute, setText } from "../../dom";
import type { LogLine } from "../../live/protocol";
import { type StyledText, parseAnsi } from "../../words/ansi";
import { fill, gettext } from "../../words/i18n";
import { occurrences } from "./search";

/** Lines up to this length are laid out as a whole. */
const WHOLE_LINE_MAX = 1500;
const SCROLL_STEP = 250;
const MARGIN = 200;

/** The line that engine/supervisor/attempt_log.py writes in place of dropped lines. */
const DROPPED =
  /^([\d,]+) lines \(([\d,.]+) MiB\) were dropped here: an attempt keeps its first and last ([\d,]+) lines, at most 64 MiB\.$/;
const SGR = /\u001b\[[0-9;]*m/g;

export interface RowView {
  /** The text to highlight; empty: none. */
  readonly text: string;
  /** Number of characters left of the visible part, and number of visible ones. */
  readonly left: number;
  readonly width: number;
}

export function emptyRow(): HTMLElement {
  return element(
    "div",
    "line",
    element("span", "at"),
    element("span", "lv"),
    element("span", "nd"),
    element("span", "msg"),
  );
}

export function fillRow(row: HTMLElement, line: LogLine | undefined, shown: RowView): void {
  const [at, level, node, message] = [...row.children];
  if (!line || !(message instanceof HTMLElement)) {
    row.className = "line wanted";
    for (const part of row.children) part.replaceChildren();
    return;
  }
  const dropped = DROPPED.exec(line.message);
  const grave = line.level === "warning" || line.level === "error" ? ` ${line.level}` : "";
  row.className = `line${dropped ? " dropped" : grave}`;
  setText(at ?? null, clockTime(line.at));
  setText(level ?? null, line.level);
  setText(node ?? null, line.node);
  setAttribute(node ?? null, "title", fill(gettext("{node}, attempt {n}"), { node: line.node, n: line.attempt }));
  message.style.paddingLeft = message.style.paddingRight = "";
  if (dropped) {
    setText(
      message,
      fill(
        gettext(
          "{n} lines ({size} MiB) were dropped here: an attempt keeps its first and last {kept} lines, at most 64 MiB.",
        ),
        { n: dropped[1] ?? "", size: dropped[2] ?? "", kept: dropped[3] ?? "" },
      ),
    );
    return;
  }
  const { parts: read, isLong } = parseLine(line);
  const parts = markMatches(read, shown.text);
  if (!isLong) {
    message.replaceChildren(...parts.map(toNode));
    return;
  }
  const { first, last, length } = visiblePart(parts, shown);
  message.style.paddingLeft = `${first}ch`;
  message.style.paddingRight = `${Math.max(0, length - last)}ch`;
  message.replaceChildren(...slice(parts, first, last).map(toNode));
}

interface ParsedLine {
  readonly parts: readonly StyledText[];
  /** Laid out in part; only if all characters have the same width. */
  readonly isLong: boolean;
}
const parsedLines = new WeakMap<LogLine, ParsedLine>();

function parseLine(line: LogLine): ParsedLine {
  let found = parsedLines.get(line);
  if (!found) {
    const text = line.message.replace(/[\r\n]+$/, "");
    found = { parts: parseAnsi(text), isLong: text.length > WHOLE_LINE_MAX && /^[\u0020-\u007e\u001b]*$/.test(text) };
    if (text.length > WHOLE_LINE_MAX) parsedLines.set(line, found);
  }
  return found;
}

/** Returns whether the visible parts of long lines differ. */
export function viewDiffers(before: RowView, after: RowView): boolean {
  return Math.floor(before.left / SCROLL_STEP) !== Math.floor(after.left / SCROLL_STEP);
}

function visiblePart(parts: readonly MarkedText[], shown: RowView): { first: number; last: number; length: number } {
  const length = parts.reduce((sum, one) => sum + one.text.length, 0);
  const from = Math.floor(shown.left / SCROLL_STEP) * SCROLL_STEP;
  return {
    first: Math.min(length, Math.max(0, from - MARGIN)),
    last: Math.min(length, from + SCROLL_STEP + shown.width + MARGIN),
    length,
  };
}

interface MarkedText extends StyledText {
  readonly hit: boolean;
}

export function slice(parts: readonly MarkedText[], first: number, last: number): MarkedText[] {
  const found: MarkedText[] = [];
  let at = 0;
  for (const one of parts) {
    const begin = Math.max(first - at, 0);
    const end = Math.min(last - at, one.text.length);
    if (begin < end)
      found.push(begin === 0 && end === one.text.length ? one : { ...one, text: one.text.slice(begin, end) });
    at += one.text.length;
    if (at >= last) break;
  }
  return found;
}

/** Splits styled text at the start and end of each match; a match may span several styles. */
export function markMatches(parts: readonly StyledText[], text: string): MarkedText[] {
  const hits = text ? occurrences(parts.map((one) => one.text).join(""), text) : [];
  const found: MarkedText[] = [];
  let at = 0;
  let next = 0;
  for (const one of parts) {
    const end = at + one.text.length;
    let from = at;
    while (next < hits.length && (hits[next]?.[0] ?? end) < end) {
      const [begin, stop] = hits[next] ?? [end, end];
      if (begin > from) found.push({ text: one.text.slice(from - at, begin - at), style: one.style, hit: false });
      found.push({
        text: one.text.slice(Math.max(begin, from) - at, Math.min(stop, end) - at),
        style: one.style,
        hit: true,
      });
      from = Math.min(stop, end);
      if (stop > end) break;
      next += 1;
    }
    if (from < end) found.push({ text: one.text.slice(from - at), style: one.style, hit: false });
    at = end;
  }
  return found;
}

function toNode(one: MarkedText): Node {
  if (!one.hit && !one.style) return document.createTextNode(one.text);
  const made = element(one.hit ? "mark" : "span", one.style);
  made.textContent = one.text;
  return made;
}

/** The line as plain text: time, level, node, message without colours. */
export function plainText(line: LogLine): string {
  return `${line.at} ${line.level.padEnd(7)} ${line.node} ${line.message.replace(SGR, "").replace(/[\r\n]+$/, "")}`;
}
