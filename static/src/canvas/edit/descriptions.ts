/** Descriptions of the editor's nodes and edges for screen readers. */

import { edgesAt } from "../../graph/model";
import { fill, gettext, ngettext } from "../../words/i18n";
import { count, stateLook, visible } from "../../words/words";
import { cardLineText } from "../card-line";
import { truncate } from "../painter";
import type { EditBoard } from "./board";

export function describeNode(board: EditBoard, node: number): string {
  const { graph } = board.scene;
  const id = board.scene.key(node);
  const { state, problem } = board.appearance.state(id);
  const before = edgesAt(graph.into, node).length;
  const after = edgesAt(graph.outOf, node).length;
  return [
    truncate(visible(graph.names[node] ?? id), 200),
    ...(problem === "error"
      ? [gettext("Has a problem")]
      : problem
        ? [gettext("Has a warning")]
        : state
          ? [stateLook(state).word]
          : []),
    truncate(cardLineText(board.appearance.line(id), Date.now()), 200),
    fill(ngettext("{n} edge into it", "{n} edges into it", before), { n: count(before) }),
    fill(ngettext("{n} edge out of it", "{n} edges out of it", after), { n: count(after) }),
  ].join(". ");
}

export function describeEdge(board: EditBoard, edge: number): string {
  const { graph } = board.scene;
  const text = graph.orders[edge]
    ? gettext("Edge from {source} to {target}, only orders")
    : gettext("Edge from {source} to {target}");
  return fill(text, {
    source: truncate(visible(graph.names[graph.sources[edge] ?? 0] ?? ""), 200),
    target: truncate(visible(graph.names[graph.targets[edge] ?? 0] ?? ""), 200),
  });
}
