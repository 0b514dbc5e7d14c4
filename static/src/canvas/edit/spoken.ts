/** What the canvas says of a node while it is edited: the second line of its card, its look, and a sentence for screen readers. */

import type { Problem } from "../../editor/problems";
import { typeOf } from "../../graph/document";
import { edgesAt } from "../../graph/model";
import { firstLine } from "../../run/fact";
import { fill, gettext, ngettext } from "../../words/i18n";
import { count, look, visible } from "../../words/words";
import { type Line, line, lineText } from "../line";
import { cutTo } from "../painter";
import type { EditBoard } from "./board";

type Known = Pick<EditBoard, "store" | "runOf" | "nodeOf">;

/** The problem that is shown: the first error, else the first warning. */
function worst(problems: readonly Problem[]): Problem | null {
  return problems.find((problem) => problem.severity === "error") ?? problems[0] ?? null;
}

/** Runs that tell nothing yet leave the node as it is. */
const QUIET: ReadonlySet<string> = new Set(["pending"]);

export function stateOf(board: Known, id: string): { state: string; problem: "error" | "warning" | "" } {
  const problem = worst(board.store.problemsOf(id));
  if (problem?.severity === "error") return { state: "failed", problem: "error" };
  const state = board.runOf(id)?.state ?? "";
  if (state && !QUIET.has(state)) return { state, problem: "" };
  return problem ? { state: "stuck", problem: "warning" } : { state: "", problem: "" };
}

export function lineOf(board: Known, id: string): Line {
  const plain = (before: string): Line => ({ before, since: null, after: "" });
  const node = board.nodeOf(id);
  const { state, problem } = stateOf(board, id);
  const said = problem ? worst(board.store.problemsOf(id)) : null;
  if (said) return plain(visible(firstLine(said.message)));
  const type = node ? typeOf(node) : "";
  return line(state ? board.runOf(id) : undefined, type || gettext("no type"), () => []);
}

export function spoken(board: EditBoard, node: number): string {
  const { graph } = board.scene;
  const id = board.scene.key(node);
  const { state, problem } = stateOf(board, id);
  const before = edgesAt(graph.into, node).length;
  const after = edgesAt(graph.outOf, node).length;
  return [
    cutTo(visible(graph.names[node] ?? id), 200),
    ...(problem === "error" ? [gettext("Has a problem")] : problem ? [gettext("Has a warning")] : state ? [look(state).word] : []),
    cutTo(lineText(lineOf(board, id), Date.now()), 200),
    fill(ngettext("{n} edge into it", "{n} edges into it", before), { n: count(before) }),
    fill(ngettext("{n} edge out of it", "{n} edges out of it", after), { n: count(after) }),
  ].join(". ");
}

export function edgesSpoken(board: EditBoard, edge: number): string {
  const { graph } = board.scene;
  return fill(gettext("Edge from {source} to {target}"), {
    source: cutTo(visible(graph.names[graph.sources[edge] ?? 0] ?? ""), 200),
    target: cutTo(visible(graph.names[graph.targets[edge] ?? 0] ?? ""), 200),
  });
}
