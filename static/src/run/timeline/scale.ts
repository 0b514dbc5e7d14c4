/** The time axis: ticks, zoom, pan. Pure; times in milliseconds. */

import { fill, gettext } from "../../words/i18n";

export interface TimeSpan {
  readonly from: number;
  readonly to: number;
}

const STEPS = [
  1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000,
  900_000, 1_800_000, 3_600_000, 7_200_000, 10_800_000, 21_600_000, 43_200_000, 86_400_000,
];
const SPAN_MIN = 10;

/** The time between ticks that are at least `least` pixels apart. */
export function tickStep(span: TimeSpan, width: number, least: number): number {
  const wanted = ((span.to - span.from) * least) / Math.max(1, width);
  return STEPS.find((one) => one >= wanted) ?? Math.ceil(wanted / 86_400_000) * 86_400_000;
}

/** Times of the ticks within the span, in multiples of `each` from `origin`. */
export function ticks(span: TimeSpan, origin: number, each: number): number[] {
  const found: number[] = [];
  for (let n = Math.ceil((span.from - origin) / each); origin + n * each <= span.to; n += 1)
    found.push(origin + n * each);
  return found;
}

/** Scales the span around `at` (a factor below 1 zooms in), within `whole`. */
export function zoomed(span: TimeSpan, whole: TimeSpan, at: number, factor: number): TimeSpan {
  const length = Math.min(whole.to - whole.from, Math.max(SPAN_MIN, (span.to - span.from) * factor));
  const share = (at - span.from) / Math.max(1e-9, span.to - span.from);
  return within({ from: at - share * length, to: at + (1 - share) * length }, whole);
}

export function panned(span: TimeSpan, whole: TimeSpan, by: number): TimeSpan {
  return within({ from: span.from + by, to: span.to + by }, whole);
}

function within(span: TimeSpan, whole: TimeSpan): TimeSpan {
  const length = span.to - span.from;
  const from = Math.max(whole.from, Math.min(span.from, whole.to - length));
  return { from, to: from + length };
}

/** Formats a tick as time since the start of the run. */
export function tickLabel(ms: number, each: number): string {
  const sign = ms < 0 ? "−" : "";
  const abs = Math.abs(ms);
  const two = (n: number): string => String(n).padStart(2, "0");
  if (each < 1000)
    return sign + fill(gettext("{s} s"), { s: (abs / 1000).toFixed(each < 10 ? 3 : each < 100 ? 2 : 1) });
  const seconds = Math.round(abs / 1000);
  if (seconds < 60) return sign + fill(gettext("{s} s"), { s: seconds });
  const hours = Math.floor(seconds / 3600);
  const clock = `${hours ? `${hours}:${two(Math.floor(seconds / 60) % 60)}` : Math.floor(seconds / 60)}:${two(seconds % 60)}`;
  return `${sign}${clock}`;
}
