/** The second line of a node's card: the most useful fact about the node now. */

import type { NodeRun } from "../live/protocol";
import { nodeSummary } from "../words/node-summary";
import { fill, gettext } from "../words/i18n";
import { count, duration, stateLook, secondsBetween, visible } from "../words/words";

export interface CardLine {
  /** Text before the duration. */
  readonly before: string;
  /** Start of a duration that is shown and keeps counting; null: none. */
  readonly since: string | null;
  readonly after: string;
}

const plainLine = (before: string): CardLine => ({ before, since: null, after: "" });

/** `type`: shown where nothing better is known. `awaited`: names of upstream nodes that have not ended. */
export function cardLine(node: NodeRun | undefined, type: string, awaited: () => readonly string[]): CardLine {
  if (!node) return plainLine(type);
  if (node.state === "pending" && node.waiting_for[0]?.code === "upstream") {
    const [name, ...more] = awaited();
    // The message of the condition has ids and is too long for a card.
    if (name !== undefined)
      return plainLine(
        more.length
          ? fill(gettext("waits for {name} and {n} more"), { name: visible(name), n: count(more.length) })
          : fill(gettext("waits for {name}"), { name: visible(name) }),
      );
  }
  const tries = node.attempt > 1 ? fill(gettext("attempt {n}"), { n: node.attempt }) : type;
  if (node.state === "running" && node.started_at) {
    const message = node.progress?.message ? visible(node.progress.message) : "";
    return message
      ? { before: "", since: node.started_at, after: ` · ${message}` }
      : { before: `${tries} · `, since: node.started_at, after: "" };
  }
  if (node.state === "succeeded") {
    const ports = (node.output?.ports ?? []).filter((port) => port !== "out");
    if (ports.length) return plainLine(`${type} · ${ports.join(", ")}`);
    // That lines were left out matters more than how long it took.
    if (node.output?.skipped_lines) return plainLine(nodeSummary(node));
    const seconds = node.started_at && node.finished_at ? secondsBetween(node.started_at, node.finished_at) : null;
    return plainLine(seconds === null ? type : `${type} · ${duration(seconds)}`);
  }
  return plainLine(
    nodeSummary(node) || (node.state === "pending" ? type : `${type} · ${stateLook(node.state).word.toLowerCase()}`),
  );
}

/** The line as text. `now`: milliseconds by the server's clock. */
export function cardLineText({ before, since, after }: CardLine, now: number): string {
  return since === null ? before : before + duration(Math.max(0, (now - Date.parse(since)) / 1000)) + after;
}
