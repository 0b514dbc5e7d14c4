/** Describes an attempt on the timeline in a sentence. */

import { clockTime } from "../../behaviours/clock";
import { fill, gettext } from "../../words/i18n";
import { duration, stateLook } from "../../words/words";
import type { AttemptBar } from "./attempts";

export function describeBar(bar: AttemptBar, now: number, numbered: boolean): string {
  const parts: string[] = [];
  const between = (from: number, to: number): string => duration(Math.max(0, to - from) / 1000);
  const timeOf = (at: number): string => clockTime(new Date(at).toISOString()).slice(0, 8);
  if (bar.startedAt === null) {
    const since = bar.waitingFrom ?? now;
    const span = between(since, now);
    if (bar.state === "retrying") parts.push(fill(gettext("waits {span} for its next attempt"), { span }));
    else parts.push(fill(gettext("waits for {span}, since {time}"), { span, time: timeOf(since) }));
    if (bar.retryAt !== null) parts.push(fill(gettext("is due at {time}"), { time: timeOf(bar.retryAt) }));
  } else {
    if (bar.waitingFrom !== null && bar.startedAt - bar.waitingFrom >= 1)
      parts.push(fill(gettext("waited {span}"), { span: between(bar.waitingFrom, bar.startedAt) }));
    if (bar.finishedAt === null)
      parts.push(
        fill(gettext("has run for {span}, since {time}"), {
          span: between(bar.startedAt, now),
          time: timeOf(bar.startedAt),
        }),
      );
    else {
      parts.push(
        fill(gettext("ran {span}, from {from} to {to}"), {
          span: between(bar.startedAt, bar.finishedAt),
          from: timeOf(bar.startedAt),
          to: timeOf(bar.finishedAt),
        }),
      );
      parts.push(stateLook(bar.state).word.toLowerCase());
    }
  }
  const text = parts.reduce((before, after) => fill(gettext("{before}, {after}"), { before, after }));
  const sentence = fill(gettext("{sentence}."), { sentence: text });
  return numbered
    ? fill(gettext("Attempt {n}: {said}"), { n: bar.attempt, said: sentence })
    : sentence.charAt(0).toUpperCase() + sentence.slice(1);
}
