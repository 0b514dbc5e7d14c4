/** One line of a log as a row: time, level, node, message with its colours, hits of the search marked.
 *
 * A long line is laid out only where it is looked at: of 16 KiB in each row the page would otherwise lay out a megabyte
 * at every step.
 */

import { element, setAttribute, setText } from "../../dom";
import type { LogLine } from "../../live/protocol";
import { type StyledText, parseAnsi } from "../../words/ansi";
import { fill, gettext } from "../../words/i18n";
import { occurrences } from "./search";

/** Characters up to which a line is laid out whole, and how many of a longer one are. */
export const WHOLE = 1500;
const STEP = 250;
const AROUND = 200;

/** What the supervisor writes where an attempt wrote more than is kept; engine/executors/capture.py. */
const DROPPED =
  /^([\d,]+) lines \(([\d,.]+) MiB\) were dropped here: an attempt keeps its first and last ([\d,]+) lines, at most 64 MiB\.$/;
// eslint-disable-next-line no-control-regex
const SGR = /\u001b\[[0-9;]*m/g;

export interface Shown {
  /** What is searched for; empty: nothing. */
  readonly text: string;
  /** Characters that are left of what is seen, and how many are seen, by the width of one. */
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

export function fillRow(row: HTMLElement, line: LogLine | undefined, shown: Shown): void {
  const [at, level, node, message] = [...row.children];
  if (!line || !(message instanceof HTMLElement)) {
    row.className = "line wanted";
    for (const part of row.children) part.replaceChildren();
    return;
  }
  const dropped = DROPPED.exec(line.message);
  const grave = line.level === "warning" || line.level === "error" ? ` ${line.level}` : "";
  row.className = `line${dropped ? " dropped" : grave}`;
  setText(at ?? null, clock(line.at));
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
  const { read, long } = reading(line);
  const parts = marked(read, shown.text);
  if (!long) {
    message.replaceChildren(...parts.map(node_));
    return;
  }
  const { first, last, length } = part(parts, shown);
  message.style.paddingLeft = `${first}ch`;
  message.style.paddingRight = `${Math.max(0, length - last)}ch`;
  message.replaceChildren(...slice(parts, first, last).map(node_));
}

interface Reading {
  readonly read: readonly StyledText[];
  /** Laid out in part: only where every character is as wide as the others. */
  readonly long: boolean;
}
const readings = new WeakMap<LogLine, Reading>();

function reading(line: LogLine): Reading {
  let found = readings.get(line);
  if (!found) {
    const text = line.message.replace(/[\r\n]+$/, "");
    // eslint-disable-next-line no-control-regex
    found = { read: parseAnsi(text), long: text.length > WHOLE && /^[\u0020-\u007e\u001b]*$/.test(text) };
    if (text.length > WHOLE) readings.set(line, found);
  }
  return found;
}

/** Whether what is laid out of long lines differs between two places. */
export function moved(before: Shown, after: Shown): boolean {
  return Math.floor(before.left / STEP) !== Math.floor(after.left / STEP);
}

function part(parts: readonly Mark[], shown: Shown): { first: number; last: number; length: number } {
  const length = parts.reduce((sum, one) => sum + one.text.length, 0);
  const from = Math.floor(shown.left / STEP) * STEP;
  return {
    first: Math.min(length, Math.max(0, from - AROUND)),
    last: Math.min(length, from + STEP + shown.width + AROUND),
    length,
  };
}

interface Mark extends StyledText {
  readonly hit: boolean;
}

export function slice(parts: readonly Mark[], first: number, last: number): Mark[] {
  const found: Mark[] = [];
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

/** Pieces cut where hits of the search begin and end, also hits that colours cut in parts. */
export function marked(parts: readonly StyledText[], text: string): Mark[] {
  const hits = text ? occurrences(parts.map((one) => one.text).join(""), text) : [];
  const found: Mark[] = [];
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

function node_(one: Mark): Node {
  if (!one.hit && !one.style) return document.createTextNode(one.text);
  const made = element(one.hit ? "mark" : "span", one.style);
  made.textContent = one.text;
  return made;
}

/** A line as plain text: time, level, node, message without colours. */
export function plain(line: LogLine): string {
  return `${line.at} ${line.level.padEnd(7)} ${line.node} ${line.message.replace(SGR, "").replace(/[\r\n]+$/, "")}`;
}

export function clock(iso: string): string {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return "";
  const two = (n: number): string => String(n).padStart(2, "0");
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${String(at.getMilliseconds()).padStart(3, "0")}`;
}
