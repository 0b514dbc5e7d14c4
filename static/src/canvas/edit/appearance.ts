/** The look of nodes and edges in the editor: by problems, the followed run, and differences to another version. */

import type { Problem } from "../../document/problems";
import { typeOf } from "../../document/document";
import type { NodeRun } from "../../live/protocol";
import { firstLine } from "../../words/node-summary";
import { gettext } from "../../words/i18n";
import { count, RUN_ENDED, visible } from "../../words/words";
import { type CardLine, cardLine, cardLineText } from "../card-line";
import { EdgeStyle, edgeStyle, HIGHLIGHTED, NEUTRAL, STATE_CODES } from "../picture";
import type { EditBoard } from "./board";

/** States that are not shown in the editor. */
const UNINFORMATIVE: ReadonlySet<string> = new Set(["pending"]);

/** Returns the problem to show: the first error, else the first warning. */
function worstProblem(problems: readonly Problem[]): Problem | null {
  return problems.find((problem) => problem.severity === "error") ?? problems[0] ?? null;
}

export class Appearance {
  /** What each card showed when it was last rendered. */
  private readonly drawnSignatures = new Map<string, string>();
  private stopFollowing: (() => void) | null = null;

  constructor(private readonly board: EditBoard) {}

  // One node

  /** The node in the followed run, unless it was edited since the run started. */
  runOf(id: string): NodeRun | undefined {
    const { store } = this.board;
    return store.isEditedSinceRun(id) ? undefined : store.run?.nodes.get(id);
  }

  state(id: string): { state: string; problem: "error" | "warning" | "" } {
    const problem = worstProblem(this.board.store.problemsOf(id));
    if (problem?.severity === "error") return { state: "failed", problem: "error" };
    const state = this.runOf(id)?.state ?? "";
    if (state && !UNINFORMATIVE.has(state)) return { state, problem: "" };
    return problem ? { state: "stuck", problem: "warning" } : { state: "", problem: "" };
  }

  /** The second line of the node's card. */
  line(id: string): CardLine {
    const plain = (before: string): CardLine => ({ before, since: null, after: "" });
    const node = this.board.nodeOf(id);
    const { state, problem } = this.state(id);
    const worst = problem ? worstProblem(this.board.store.problemsOf(id)) : null;
    if (worst) return plain(visible(firstLine(worst.message)));
    const type = node ? typeOf(node) : "";
    return cardLine(state ? this.runOf(id) : undefined, type || gettext("no type"), () => []);
  }

  mark(id: string): string {
    const { marks } = this.board.store;
    return marks?.added.has(id) ? gettext("new") : marks?.changed.has(id) ? gettext("changed") : "";
  }

  /** The number of rows of its output, as a label. */
  rowCount(id: string): { text: string; outdated: boolean } | null {
    const { store } = this.board;
    const run = this.runOf(id);
    const now = run?.state === "succeeded" ? (run.output?.row_count ?? null) : null;
    if (now !== null) return { text: count(now), outdated: false };
    const rows = store.outputs.get(id)?.rows ?? null;
    return rows === null ? null : { text: count(rows), outdated: store.isStale(id) };
  }

  private signature(id: string): string {
    const { state, problem } = this.state(id);
    return `${state} ${problem} ${cardLineText(this.line(id), 0)} ${this.mark(id)}`;
  }

  /** Called when a card was rendered. */
  cardDrawn(id: string): void {
    this.drawnSignatures.set(id, this.signature(id));
  }

  // The picture

  /** Listens to the followed run, if there is one. */
  followRun(): void {
    const { scene, store, surface } = this.board;
    this.stopFollowing?.();
    this.stopFollowing =
      store.run?.listen((change) => {
        const ids = change.snapshot ? scene.graph.ids : change.nodes;
        for (const id of ids) {
          const node = scene.find(id);
          if (node < 0) continue;
          this.updateState(node);
          scene.updateLabels(node);
          surface.invalidateCard(node);
        }
        if (change.snapshot || change.nodes.size || change.run) {
          this.updateEdgeStyles();
          surface.repaintAll();
        }
      }) ?? null;
  }

  updateState(node: number): void {
    const { scene, store } = this.board;
    const id = scene.key(node);
    const { state, problem } = this.state(id);
    const { marks } = store;
    scene.stuck[node] = problem === "warning" ? 1 : 0;
    scene.states[node] =
      problem === "error"
        ? (STATE_CODES.get("failed") ?? NEUTRAL)
        : (STATE_CODES.get(state) ?? (marks?.added.has(id) || marks?.changed.has(id) ? HIGHLIGHTED : NEUTRAL));
  }

  updateAllStates(): void {
    const { scene, surface } = this.board;
    for (let node = 0; node < scene.graph.size; node += 1) this.updateState(node);
    this.updateEdgeStyles();
    surface.invalidateCardsWhere((key) => this.drawnSignatures.get(key) !== this.signature(key));
    surface.repaintAll();
  }

  /** Updates the edges: progress of the followed run, and the selection. */
  updateEdgeStyles(): void {
    const { chosenEdges, scene, store } = this.board;
    const { graph, edgeStyles } = scene;
    const { run } = store;
    if (run && !RUN_ENDED.has(run.run?.state ?? "")) {
      for (let edge = 0; edge < graph.edges; edge += 1) {
        const source = this.runOf(graph.ids[graph.sources[edge] ?? 0] ?? "");
        const target = this.runOf(graph.ids[graph.targets[edge] ?? 0] ?? "");
        edgeStyles[edge] = source && target ? edgeStyle(source, target, graph.ports[edge] ?? "out") : EdgeStyle.idle;
      }
    } else edgeStyles.fill(EdgeStyle.idle);
    for (const edge of chosenEdges) edgeStyles[edge] = EdgeStyle.chosen;
  }
}
