/** Keeps the times and durations of a page current.
 *
 *   <time datetime="2026-11-24T09:41:07Z" data-form="time|day|ago">   shown in the reader's time zone
 *   <span data-since="2026-11-24T09:41:07Z">                          counts up
 *   <span data-until="2026-11-24T09:46:07Z">                          counts down to 0
 *
 * Durations use the server's clock: the page states when it was made, which gives the difference to the local clock.
 */

import { setAttribute, setText } from "../dom";
import { gettext } from "../words/i18n";
import { ago, duration } from "../words/words";

let skewMs = 0;

/** Milliseconds since 1970 by the server's clock. */
export function serverNow(): number {
  return Date.now() - skewMs;
}

function readServerTime(): void {
  const sent = document.querySelector<HTMLMetaElement>('meta[name="server-time"]')?.content;
  const at = sent ? Date.parse(sent) : NaN;
  // Compare with the arrival of the response, not with now: scripts start later.
  const timing = performance.getEntriesByType("navigation")[0] as PerformanceNavigationTiming | undefined;
  const received = timing ? performance.timeOrigin + timing.responseStart : Date.now();
  if (!Number.isNaN(at)) skewMs = received - at;
}

function language(): string {
  return document.documentElement.lang || "en";
}

let formats: Record<"time" | "day" | "year" | "full", Intl.DateTimeFormat> | null = null;

function formatOf(name: "time" | "day" | "year" | "full"): Intl.DateTimeFormat {
  formats ??= {
    time: new Intl.DateTimeFormat(language(), {
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
      hourCycle: "h23",
    }),
    day: new Intl.DateTimeFormat(language(), {
      day: "numeric",
      month: "short",
      hour: "2-digit",
      minute: "2-digit",
      hourCycle: "h23",
    }),
    year: new Intl.DateTimeFormat(language(), { day: "numeric", month: "short", year: "numeric" }),
    full: new Intl.DateTimeFormat(language(), { dateStyle: "medium", timeStyle: "long", hourCycle: "h23" }),
  };
  return formats[name];
}

export function formatTime(iso: string, form: string, now: number): string {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return iso;
  if (form === "ago") return ago((now - at.getTime()) / 1000);
  const today = new Date(now);
  if (form === "time" && now - at.getTime() < 86_400_000 && at.getDate() === today.getDate())
    return formatOf("time").format(at);
  if (at.toDateString() === today.toDateString())
    return `${gettext("today")} ${formatOf("time").format(at).slice(0, 5)}`;
  if (now - at.getTime() > 300 * 86_400_000) return formatOf("year").format(at);
  return formatOf("day").format(at);
}

/** Formats the time of day with milliseconds, in the reader's zone; empty: `iso` is no time. */
export function clockTime(iso: string): string {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return "";
  const digits = (value: number, count = 2): string => String(value).padStart(count, "0");
  return `${digits(at.getHours())}:${digits(at.getMinutes())}:${digits(at.getSeconds())}.${digits(at.getMilliseconds(), 3)}`;
}

/** Updates all times below `root`. */
export function refreshTimes(root: ParentNode = document): void {
  const now = serverNow();
  for (const element of root.querySelectorAll<HTMLTimeElement>("time[data-form]")) {
    setText(element, formatTime(element.dateTime, element.dataset["form"] ?? "day", now));
    if (!element.dataset["full"]) {
      element.dataset["full"] = "1";
      setAttribute(element, "title", formatOf("full").format(new Date(element.dateTime)));
    }
  }
  for (const element of root.querySelectorAll<HTMLElement>("[data-since]")) {
    const since = element.dataset["since"];
    if (since) setText(element, duration(Math.max(0, (now - Date.parse(since)) / 1000)));
  }
  for (const element of root.querySelectorAll<HTMLElement>("[data-until]")) {
    const until = element.dataset["until"];
    if (until) setText(element, duration(Math.max(0, (Date.parse(until) - now) / 1000)));
  }
}

export function startClock(): void {
  readServerTime();
  refreshTimes();
  window.setInterval(() => {
    if (!document.hidden) refreshTimes();
  }, 1000);
  document.addEventListener("visibilitychange", () => {
    document.documentElement.classList.toggle("page-hidden", document.hidden);
    if (!document.hidden) refreshTimes();
  });
}
