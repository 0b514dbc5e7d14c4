/** Formats durations, counts, sizes and states. dashboard/amounts.py and presenters.py format them in the same way; both are
 * tested with examples.json. */

import { fill, gettext } from "./i18n";

export function duration(seconds: number | null): string {
  if (seconds === null || Number.isNaN(seconds)) return "–";
  const span = Math.max(0, seconds);
  if (span < 9.95) {
    if (span > 0 && span < 0.05) return fill(gettext("{ms} ms"), { ms: Math.max(1, Math.floor(span * 1000 + 0.5)) });
    return fill(gettext("{s} s"), { s: (Math.floor(span * 10 + 0.5) / 10).toFixed(1).replace(/\.0$/, "") });
  }
  const whole = Math.floor(span + 0.5);
  if (whole < 60) return fill(gettext("{s} s"), { s: whole });
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) {
    const s = whole % 60;
    return s ? fill(gettext("{m} m {s} s"), { m: minutes, s }) : fill(gettext("{m} m"), { m: minutes });
  }
  const hours = Math.floor(minutes / 60);
  if (hours < 24) {
    const m = minutes % 60;
    return m ? fill(gettext("{h} h {m} m"), { h: hours, m }) : fill(gettext("{h} h"), { h: hours });
  }
  const days = Math.floor(hours / 24);
  const h = hours % 24;
  return h ? fill(gettext("{d} d {h} h"), { d: days, h }) : fill(gettext("{d} d"), { d: days });
}

/** Seconds between two API times with microsecond precision; Date keeps milliseconds only. */
export function secondsBetween(from: string, to: string): number {
  return epochSeconds(to) - epochSeconds(from);
}

function epochSeconds(iso: string): number {
  const fraction = /\.(\d+)/.exec(iso)?.[1] ?? "";
  return Math.floor(Date.parse(iso) / 1000) + Number(`0.${fraction || "0"}`);
}

export function count(number: number): string {
  return Math.trunc(number)
    .toString()
    .replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}

export function size(bytes: number): string {
  if (bytes < 1024) return `${Math.trunc(bytes)} B`;
  let value = bytes;
  let unit = "";
  for (unit of ["KiB", "MiB", "GiB", "TiB"]) {
    value /= 1024;
    if (value < 1024) break;
  }
  return `${value < 10 ? value.toFixed(1) : value.toFixed(0)} ${unit}`;
}

export function ago(seconds: number): string {
  if (seconds < 45) return gettext("just now");
  if (seconds < 3600) return fill(gettext("{n} min ago"), { n: Math.max(1, Math.round(seconds / 60)) });
  if (seconds < 86400) return fill(gettext("{n} h ago"), { n: Math.round(seconds / 3600) });
  return fill(gettext("{n} d ago"), { n: Math.round(seconds / 86400) });
}

interface StateLook {
  readonly icon: string;
  readonly word: string;
}

/** Returns the icon and label of a state of a run, node run or attempt. */
export function stateLook(state: string): StateLook {
  switch (state) {
    case "queued":
      return { icon: "clock", word: gettext("Queued") };
    case "running":
      return { icon: "run", word: gettext("Running") };
    case "paused":
      return { icon: "wait", word: gettext("Paused") };
    case "succeeded":
      return { icon: "ok", word: gettext("Succeeded") };
    case "failed":
      return { icon: "bad", word: gettext("Failed") };
    case "cancelled":
      return { icon: "stop", word: gettext("Cancelled") };
    case "timed_out":
      return { icon: "timer", word: gettext("Timed out") };
    case "pending":
      return { icon: "hollow", word: gettext("Pending") };
    case "ready":
      return { icon: "clock", word: gettext("Ready") };
    case "waiting":
      return { icon: "wait", word: gettext("Waiting") };
    case "retrying":
      return { icon: "retry", word: gettext("Retrying") };
    case "skipped":
      return { icon: "skip", word: gettext("Skipped") };
    case "upstream_failed":
      return { icon: "upstream", word: gettext("Upstream failed") };
    case "lost":
      return { icon: "bad", word: gettext("Lost") };
    default:
      return { icon: "dot", word: state };
  }
}

export const NODE_ENDED: ReadonlySet<string> = new Set([
  "succeeded",
  "failed",
  "timed_out",
  "cancelled",
  "skipped",
  "upstream_failed",
]);
export const RUN_ENDED: ReadonlySet<string> = new Set(["succeeded", "failed", "cancelled", "timed_out"]);

// Control characters except newline and tab, bidirectional controls, zero-width marks and private use: characters that
// could make a text look like another one.
export const DECEPTIVE_CHARACTERS =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff\ue000-\uf8ff]/g;

export function escaped(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** Returns the text with deceptive characters escaped. */
export function visible(text: string): string {
  return text.replace(DECEPTIVE_CHARACTERS, escaped);
}
