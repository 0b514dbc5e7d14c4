/** The most useful fact about a node now, in a line; dashboard/pages/run_facts.py does the same. */

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

export function errorSummary(error: NodeError): string {
  const kind = error.class || gettext("Error");
  const head = error.line ? fill(gettext("{kind} in line {line}"), { kind, line: error.line }) : kind;
  const message = firstLine(error.message);
  if (!message) return head;
  // A message that starts with a capital letter follows a colon, others a comma.
  return fill(/^\p{Lu}/u.test(message) ? gettext("{before}: {after}") : gettext("{before}, {after}"), {
    before: head,
    after: message,
  });
}

export function reasonText(code: string): string {
  switch (code) {
    case "":
      return "";
    case "run_stopped":
      return gettext("Not started because the run failed");
    case "run_timeout":
      return gettext("The run timed out");
    case "not_asked":
      return gettext("Not part of this run");
    case "branch_not_taken":
      return gettext("Branch not taken");
    case "rule_not_met":
      return gettext("Trigger rule not met");
    case "cancelled":
      return gettext("Stopped with the run");
    case "cancelled_by_person":
      return gettext("Stopped manually");
    case "skipped_by_person":
      return gettext("Skipped manually");
    default:
      return code.replaceAll("_", " ");
  }
}

/** Returns whether a node runs longer than twice its expected duration, and at least 5 s if that was learned. `now`:
 * milliseconds by the server's clock. engine/policy.py has the same rule. */
export function isStuck(node: NodeRun, now: number): boolean {
  if (node.state !== "running" || node.expected === null || node.expected_from === "none" || !node.started_at)
    return false;
  const limit = node.expected_from === "author" ? 2 * node.expected : Math.max(2 * node.expected, 5);
  return (now - Date.parse(node.started_at)) / 1000 > limit;
}

export function nodeSummary(node: NodeRun): string {
  return visible(summary(node));
}

function summary(node: NodeRun): string {
  if (node.error && (node.state === "failed" || node.state === "timed_out" || node.state === "retrying"))
    return errorSummary(node.error);
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
    const skipped = node.output.skipped_lines;
    const less = skipped ? ` · ${fill(gettext("{n} skipped"), { n: count(skipped) })}` : "";
    if (rows !== null) return taken + fill(ngettext("{n} row", "{n} rows", rows), { n: count(rows) }) + less;
    return node.output.bytes > 4 || taken ? taken + size(node.output.bytes) : "";
  }
  return reasonText(node.reason);
}
