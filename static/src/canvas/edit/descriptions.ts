/** What a screen reader says of nodes and edges that are edited. */

import { edgesAt } from "../../graph/model";
import { fill, gettext, ngettext } from "../../words/i18n";
import { count, stateLook, visible } from "../../words/words";
import { lineText } from "../run/card-line";
import { cutTo } from "../painter";
import type { EditBoard } from "./board";

export function spoken(board: EditBoard, node: number): string {
  const { graph } = board.scene;
  const id = board.scene.key(node);
  const { state, problem } = board.looks.state(id);
  const before = edgesAt(graph.into, node).length;
  const after = edgesAt(graph.outOf, node).length;
  return [
    cutTo(visible(graph.names[node] ?? id), 200),
    ...(problem === "error"
      ? [gettext("Has a problem")]
      : problem
        ? [gettext("Has a warning")]
        : state
          ? [stateLook(state).word]
          : []),
    cutTo(lineText(board.looks.line(id), Date.now()), 200),
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
