/** The most useful thing to know about a node now, in a line; dashboard/pages/runs.py says the same. */

import type { NodeError, NodeRun } from "../live/protocol";
import { waitingWords } from "./engine";
import { fill, gettext, ngettext } from "./i18n";
import { count, duration, size, visible } from "./words";

const LINE_MAX = 240;

export function firstLine(text: string): string {
  const line =
    text
      .split(/\r\n|[\n\r\v\f\u0085\u2028\u2029]/)
      .map((part) => part.trim())
      .find((part) => part !== "") ?? "";
  return line.length <= LINE_MAX ? line : `${line.slice(0, LINE_MAX - 1)}…`;
}

export function cause(error: NodeError): string {
  const kind = error.class || gettext("Error");
  const head = error.line ? fill(gettext("{kind} in line {line}"), { kind, line: error.line }) : kind;
  const said = firstLine(error.message);
  if (!said) return head;
  // A message that begins as a sentence follows a colon: after a comma it would go on in capitals.
  return fill(/^\p{Lu}/u.test(said) ? gettext("{before}: {after}") : gettext("{before}, {after}"), {
    before: head,
    after: said,
  });
}

export function reason(code: string): string {
  switch (code) {
    case "":
      return "";
    case "run_stopped":
      return gettext("not started, for the run had failed");
    case "run_timeout":
      return gettext("the run passed its time limit");
    case "not_asked":
      return gettext("not asked for");
    case "branch_not_taken":
      return gettext("the branch was not taken");
    case "cancelled":
      return gettext("stopped with the run");
    case "cancelled_by_person":
      return gettext("stopped by a person");
    case "skipped_by_person":
      return gettext("skipped by a person");
    default:
      return code.replaceAll("_", " ");
  }
}

/** Whether a node runs longer than twice what is expected of it, and 5 s where that is only learned; `now` by the
 * server's clock, in ms. engine/policy.py says the same. */
export function stuck(node: NodeRun, now: number): boolean {
  if (node.state !== "running" || node.expected === null || node.expected_from === "none" || !node.started_at)
    return false;
  const limit = node.expected_from === "author" ? 2 * node.expected : Math.max(2 * node.expected, 5);
  return (now - Date.parse(node.started_at)) / 1000 > limit;
}

export function nodeSummary(node: NodeRun): string {
  return visible(said(node));
}

function said(node: NodeRun): string {
  if (node.error && (node.state === "failed" || node.state === "timed_out" || node.state === "retrying"))
    return cause(node.error);
  if (node.state === "running") {
    if (node.progress?.message) return node.progress.message;
    const expected = node.expected_from === "author" ? gettext("expected {span}") : gettext("usually {span}");
    return node.expected ? fill(expected, { span: duration(node.expected) }) : "";
  }
  const waiting = node.waiting_for[0];
  if (waiting) return waitingWords(waiting);
  if (node.output && node.state === "succeeded") {
    const ports = node.output.ports.filter((port) => port !== "out");
    const taken = ports.length ? `${fill(gettext("took {port}"), { port: ports.join(", ") })} · ` : "";
    const rows = node.output.row_count;
    if (rows !== null) return taken + fill(ngettext("{n} row", "{n} rows", rows), { n: count(rows) });
    return node.output.bytes > 4 || taken ? taken + size(node.output.bytes) : "";
  }
  return reason(node.reason);
}
