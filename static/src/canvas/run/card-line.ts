/** The second line of a node's card: what is most useful to know of it now. */

import type { NodeRun } from "../../live/protocol";
import { fact } from "../../run/node-summary";
import { fill, gettext } from "../../words/i18n";
import { count, duration, stateLook, secondsBetween, visible } from "../../words/words";

export interface Line {
  /** Said before the time. */
  readonly before: string;
  /** Since when it runs, for a time that goes on; null: none. */
  readonly since: string | null;
  readonly after: string;
}

const plain = (before: string): Line => ({ before, since: null, after: "" });

/** `type` is shown where nothing better is known; `awaited` names what is before the node and has not ended. */
export function line(node: NodeRun | undefined, type: string, awaited: () => readonly string[]): Line {
  if (!node) return plain(type);
  if (node.state === "pending" && node.waiting_for[0]?.code === "upstream") {
    const [name, ...more] = awaited();
    // The message has ids, and is too long for a card.
    if (name !== undefined)
      return plain(
        more.length
          ? fill(gettext("waits for {name} and {n} more"), { name: visible(name), n: count(more.length) })
          : fill(gettext("waits for {name}"), { name: visible(name) }),
      );
  }
  const tries = node.attempt > 1 ? fill(gettext("attempt {n}"), { n: node.attempt }) : type;
  if (node.state === "running" && node.started_at) {
    const said = node.progress?.message ? visible(node.progress.message) : "";
    return said
      ? { before: "", since: node.started_at, after: ` · ${said}` }
      : { before: `${tries} · `, since: node.started_at, after: "" };
  }
  if (node.state === "succeeded") {
    const ports = (node.output?.ports ?? []).filter((port) => port !== "out");
    if (ports.length) return plain(`${type} · ${ports.join(", ")}`);
    const seconds = node.started_at && node.finished_at ? secondsBetween(node.started_at, node.finished_at) : null;
    return plain(seconds === null ? type : `${type} · ${duration(seconds)}`);
  }
  return plain(
    fact(node) || (node.state === "pending" ? type : `${type} · ${stateLook(node.state).word.toLowerCase()}`),
  );
}

/** The same as one text; `now` by the server's clock, in ms. */
export function lineText({ before, since, after }: Line, now: number): string {
  return since === null ? before : before + duration(Math.max(0, (now - Date.parse(since)) / 1000)) + after;
}
