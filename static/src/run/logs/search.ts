/** A search of a log: the numbers of all lines that fit, which the server looks for in parts, also among new lines. */

import { call } from "../../api/client";
import { SeqRanges } from "./ranges";

export interface Query {
  readonly node: string;
  /** This level and graver ones; empty: all. */
  readonly level: string;
  /** Text that a line contains, whatever its case. */
  readonly text: string;
}

const AGAIN_MS = 2000;

export class Search {
  readonly hits = new SeqRanges();
  /** Up to where was looked. */
  seen = 0;
  /** Whether all that was there when it was last asked for has been looked through. */
  done = false;
  private asked = 0;
  private running = false;
  private readonly stop = new AbortController();

  constructor(
    private readonly run: string,
    readonly query: Query,
    /** More is known: hits, how far was looked, or that it is done. */
    private readonly moved: (search: Search) => void,
  ) {}

  cancel(): void {
    this.stop.abort();
  }

  /** Looks on until `seq`. */
  async until(seq: number): Promise<void> {
    this.asked = Math.max(this.asked, seq);
    if (this.running) return;
    this.running = true;
    try {
      while ((!this.done || this.seen < this.asked) && !this.stop.signal.aborted) {
        this.done = false;
        const upto = this.asked;
        await this.step();
        if (this.done) this.seen = Math.max(this.seen, upto);
        this.moved(this);
      }
    } catch (error) {
      // Offline, it seems; what the server refuses it would refuse again.
      if (error instanceof TypeError && !this.stop.signal.aborted)
        window.setTimeout(() => void this.until(this.asked), AGAIN_MS);
    } finally {
      this.running = false;
    }
  }

  private async step(): Promise<void> {
    const { node, level, text } = this.query;
    const query = new URLSearchParams({ after: String(this.seen) });
    if (node) query.set("node", node);
    if (level) query.set("level", level);
    if (text) query.set("q", text);
    const body = (await call("GET", `/runs/${this.run}/logs/search/?${query.toString()}`)).body;
    if (this.stop.signal.aborted) return;
    const ranges = Array.isArray(body["ranges"]) ? body["ranges"] : [];
    for (let i = 0; i + 1 < ranges.length; i += 2) this.hits.push(Number(ranges[i]), Number(ranges[i + 1]));
    this.done = body["done"] === true;
    const seen = typeof body["seen"] === "number" ? body["seen"] : 0;
    // Not a step further and not done: nothing would ever end.
    if (!this.done && seen <= this.seen) throw new Error("The search does not move.");
    this.seen = Math.max(this.seen, seen);
  }
}

export type Direction = 1 | -1;

/** The place among the hits that comes after or before `seq`, round the ends; -1: there are none. */
export function following(hits: SeqRanges, seq: number, direction: Direction): number {
  if (!hits.count) return -1;
  const place = hits.place(seq);
  if (direction < 0) return place > 0 ? place - 1 : hits.count - 1;
  const next = hits.at(place) === seq ? place + 1 : place;
  return next < hits.count ? next : 0;
}

/** Where a text is in another whatever the case of both: begin and end of each hit, in order, without overlap. */
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
  // A character that becomes two when its case goes: places are counted through.
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
