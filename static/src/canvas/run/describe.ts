/** Texts about a node: the line on its card, and the description for screen readers. */

import type { Scene } from "./scene";
import { edgesAt, type Graph } from "../../graph/model";
import type { RunStore } from "../../run/store";
import { fill, gettext, ngettext } from "../../words/i18n";
import { count, stateLook, NODE_ENDED, visible } from "../../words/words";
import { type CardLine, cardLine, cardLineText } from "../card-line";
import { truncate } from "../painter";
import { STATES } from "../picture";

export class NodeDescriber {
  constructor(
    private readonly graph: Graph,
    private readonly store: RunStore,
    /** Milliseconds since 1970 by the server's clock. */
    private readonly now: () => number,
  ) {}

  describe(scene: Scene, node: number): string {
    const id = this.graph.ids[node] ?? "";
    const state = STATES[scene.states[node] ?? 0] ?? "pending";
    const before = edgesAt(this.graph.into, node).length;
    const after = edgesAt(this.graph.outOf, node).length;
    return [
      truncate(visible(this.graph.names[node] ?? id), 200),
      stateLook(state).word + (scene.stuck[node] ? `, ${gettext("stuck")}` : ""),
      truncate(cardLineText(this.line(scene, node), this.now()), 200),
      fill(ngettext("{n} edge into it", "{n} edges into it", before), { n: count(before) }),
      fill(ngettext("{n} edge out of it", "{n} edges out of it", after), { n: count(after) }),
    ].join(". ");
  }

  /** The second line of a node's card. */
  line(scene: Scene, node: number): CardLine {
    return cardLine(this.store.nodes.get(this.graph.ids[node] ?? ""), this.graph.types[node] ?? "", () => {
      const before = [...edgesAt(this.graph.into, node)].map((edge) => this.graph.sources[edge] ?? 0);
      const open = before.filter((source) => !NODE_ENDED.has(STATES[scene.states[source] ?? 0] ?? ""));
      return [...new Set(open)].map((source) => this.graph.names[source] ?? "");
    });
  }
}
