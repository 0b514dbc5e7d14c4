/** How nodes and edges look while they are edited: by their problems, by the run that is followed, and by what is new. */

import type { Problem } from "../../document/problems";
import { typeOf } from "../../document/document";
import type { NodeRun } from "../../live/protocol";
import { firstLine } from "../../run/node-summary";
import { gettext } from "../../words/i18n";
import { count, RUN_ENDED, visible } from "../../words/words";
import { type Line, line, lineText } from "../run/card-line";
import { MARKED, NEUTRAL, STATES, Track, track } from "../scene";
import type { EditBoard } from "./board";

const CODES: ReadonlyMap<string, number> = new Map(STATES.map((state, code) => [state, code]));
/** Runs that tell nothing yet leave the node as it is. */
const QUIET: ReadonlySet<string> = new Set(["pending"]);

/** The problem that is shown: the first error, else the first warning. */
function worst(problems: readonly Problem[]): Problem | null {
  return problems.find((problem) => problem.severity === "error") ?? problems[0] ?? null;
}

export class Looks {
  /** What each card showed when it was drawn. */
  private readonly shownAs = new Map<string, string>();
  private endRun: (() => void) | null = null;

  constructor(private readonly board: EditBoard) {}

  // Of one node

  /** What the run that is followed says of a node, as long as that is about the node as it is now. */
  runOf(id: string): NodeRun | undefined {
    const { store } = this.board;
    return store.isEditedSinceRun(id) ? undefined : store.run?.nodes.get(id);
  }

  state(id: string): { state: string; problem: "error" | "warning" | "" } {
    const problem = worst(this.board.store.problemsOf(id));
    if (problem?.severity === "error") return { state: "failed", problem: "error" };
    const state = this.runOf(id)?.state ?? "";
    if (state && !QUIET.has(state)) return { state, problem: "" };
    return problem ? { state: "stuck", problem: "warning" } : { state: "", problem: "" };
  }

  /** The second line of its card. */
  line(id: string): Line {
    const plain = (before: string): Line => ({ before, since: null, after: "" });
    const node = this.board.nodeOf(id);
    const { state, problem } = this.state(id);
    const said = problem ? worst(this.board.store.problemsOf(id)) : null;
    if (said) return plain(visible(firstLine(said.message)));
    const type = node ? typeOf(node) : "";
    return line(state ? this.runOf(id) : undefined, type || gettext("no type"), () => []);
  }

  mark(id: string): string {
    const { marks } = this.board.store;
    return marks?.added.has(id) ? gettext("new") : marks?.changed.has(id) ? gettext("changed") : "";
  }

  /** How many rows leave it, as a word on its edge. */
  rows(id: string): { text: string; old: boolean } | null {
    const { store } = this.board;
    const run = this.runOf(id);
    const now = run?.state === "succeeded" ? (run.output?.row_count ?? null) : null;
    if (now !== null) return { text: count(now), old: false };
    const rows = store.outputs.get(id)?.rows ?? null;
    return rows === null ? null : { text: count(rows), old: store.isStale(id) };
  }

  private signature(id: string): string {
    const { state, problem } = this.state(id);
    return `${state} ${problem} ${lineText(this.line(id), 0)} ${this.mark(id)}`;
  }

  /** Its card was drawn as it looks now. */
  drawn(id: string): void {
    this.shownAs.set(id, this.signature(id));
  }

  // In the picture

  /** Follows the run that is shown, if any. */
  follow(): void {
    const { scene, store, surface } = this.board;
    this.endRun?.();
    this.endRun =
      store.run?.listen((change) => {
        const ids = change.snapshot ? scene.graph.ids : change.nodes;
        for (const id of ids) {
          const node = scene.find(id);
          if (node < 0) continue;
          this.restate(node);
          scene.relabel(node);
          surface.touch(node);
        }
        if (change.snapshot || change.nodes.size || change.run) {
          this.retrack();
          surface.redraw();
        }
      }) ?? null;
  }

  restate(node: number): void {
    const { scene, store } = this.board;
    const id = scene.key(node);
    const { state, problem } = this.state(id);
    const { marks } = store;
    scene.stuck[node] = problem === "warning" ? 1 : 0;
    scene.states[node] =
      problem === "error"
        ? (CODES.get("failed") ?? NEUTRAL)
        : (CODES.get(state) ?? (marks?.added.has(id) || marks?.changed.has(id) ? MARKED : NEUTRAL));
  }

  restateAll(): void {
    const { scene, surface } = this.board;
    for (let node = 0; node < scene.graph.size; node += 1) this.restate(node);
    this.retrack();
    surface.touchWhere((key) => this.shownAs.get(key) !== this.signature(key));
    surface.redraw();
  }

  /** Edges: what passes along them while the run goes on, and which are chosen. */
  retrack(): void {
    const { chosenEdges, scene, store } = this.board;
    const { graph, tracks } = scene;
    const { run } = store;
    if (run && !RUN_ENDED.has(run.run?.state ?? "")) {
      for (let edge = 0; edge < graph.edges; edge += 1) {
        const source = this.runOf(graph.ids[graph.sources[edge] ?? 0] ?? "");
        const target = this.runOf(graph.ids[graph.targets[edge] ?? 0] ?? "");
        tracks[edge] = source && target ? track(source, target, graph.ports[edge] ?? "out") : Track.idle;
      }
    } else tracks.fill(Track.idle);
    for (const edge of chosenEdges) tracks[edge] = Track.chosen;
  }
}
