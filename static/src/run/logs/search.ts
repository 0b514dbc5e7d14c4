/** A search of a log: the numbers of all matching lines. The server searches step by step, new lines included. */

import { ApiError, call } from "../../api/client";
import { retries } from "../../live/retries";
import { SeqRanges } from "./ranges";

export interface LogQuery {
  readonly node: string;
  /** The minimum level; empty: all. */
  readonly level: string;
  /** Text that the line contains, in any case. */
  readonly text: string;
}

export class LogSearch {
  readonly matches = new SeqRanges();
  /** The last line that was searched. */
  searchedTo = 0;
  /** All lines up to the last requested one were searched. */
  done = false;
  private target = 0;
  private running = false;
  private readonly abort = new AbortController();

  constructor(
    private readonly run: string,
    readonly query: LogQuery,
    /** Called after each step. */
    private readonly onProgress: (search: LogSearch) => void,
  ) {}

  cancel(): void {
    this.abort.abort();
    retries.forget(this.again);
  }

  private readonly again = (): void => void this.searchTo(this.target);

  /** Searches up to the line `seq`. */
  async searchTo(seq: number): Promise<void> {
    this.target = Math.max(this.target, seq);
    if (this.running || retries.waits(this.again)) return;
    this.running = true;
    try {
      while ((!this.done || this.searchedTo < this.target) && !this.abort.signal.aborted) {
        this.done = false;
        const upto = this.target;
        await this.step();
        retries.answered(this.again);
        if (this.done) this.searchedTo = Math.max(this.searchedTo, upto);
        this.onProgress(this);
      }
    } catch (error) {
      // Other errors would occur again.
      if ((error instanceof TypeError || error instanceof ApiError) && !this.abort.signal.aborted)
        retries.failed(error, this.again);
    } finally {
      this.running = false;
    }
  }

  private async step(): Promise<void> {
    const { node, level, text } = this.query;
    const query = new URLSearchParams({ after: String(this.searchedTo) });
    if (node) query.set("node", node);
    if (level) query.set("level", level);
    if (text) query.set("q", text);
    const body = (await call("GET", `/runs/${this.run}/logs/search/?${query.toString()}`)).body;
    if (this.abort.signal.aborted) return;
    const ranges = Array.isArray(body["ranges"]) ? body["ranges"] : [];
    for (let i = 0; i + 1 < ranges.length; i += 2) this.matches.push(Number(ranges[i]), Number(ranges[i + 1]));
    this.done = body["done"] === true;
    const seen = typeof body["seen"] === "number" ? body["seen"] : 0;
    // Without progress, this loop would never end.
    if (!this.done && seen <= this.searchedTo) throw new Error("The search makes no progress.");
    this.searchedTo = Math.max(this.searchedTo, seen);
  }
}

export type Direction = 1 | -1;

/** Returns the index of the next match after or before `seq`, wrapping around; -1: there are none. */
export function nextMatch(hits: SeqRanges, seq: number, direction: Direction): number {
  if (!hits.count) return -1;
  const place = hits.indexOf(seq);
  if (direction < 0) return place > 0 ? place - 1 : hits.count - 1;
  const next = hits.at(place) === seq ? place + 1 : place;
  return next < hits.count ? next : 0;
}

/** Returns start and end of each occurrence of a text in any case, in order, without overlaps. */
export function occurrences(text: string, wanted: string): [number, number][] {
  if (!wanted) return [];
  const needle = wanted.toLowerCase();
  const folded = text.toLowerCase();
  const found: [number, number][] = [];
  if (folded.length === text.length && needle.length === wanted.length) {
    for (let at = folded.indexOf(needle); at >= 0; at = folded.indexOf(needle, at + needle.length))
      found.push([at, at + needle.length]);
    return found;
  }
  // Some characters become two in lower case: map positions character by character.
  const places: number[] = [];
  let at = 0;
  for (const char of text) {
    for (let n = 0; n < char.toLowerCase().length; n += 1) places.push(at);
    at += char.length;
  }
  places.push(at);
  const whole = [...text].map((char) => char.toLowerCase()).join("");
  for (let from = whole.indexOf(needle); from >= 0; from = whole.indexOf(needle, from + needle.length)) {
    found.push([places[from] ?? 0, places[from + needle.length] ?? text.length]);
  }
  return found;
}
