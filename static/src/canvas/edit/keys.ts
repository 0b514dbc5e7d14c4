/** Keys while the canvas has the keyboard: arrows walk and choose, and a wire is led by keyboard. The keys of the whole page
 * are in `editor/keys.ts`. */

import type { Direction } from "../../graph/walk";
import { fill, gettext } from "../../words/i18n";
import { visible } from "../../words/words";
import type { EditBoard } from "./board";

const ARROWS: ReadonlyMap<string, Direction> = new Map([
  ["ArrowLeft", "left"],
  ["ArrowRight", "right"],
  ["ArrowUp", "up"],
  ["ArrowDown", "down"],
]);
/** After this long, typing begins a new word. */
const WORD_MS = 1200;

export class Keys {
  private wire: {
    node: number;
    ports: readonly string[];
    port: number;
    targets: readonly number[];
    word: string;
    typedAt: number;
  } | null = null;

  constructor(private readonly board: EditBoard) {}

  listen(): void {
    const { stage } = this.board.surface.frame;
    stage.addEventListener(
      "keydown",
      (event) => {
        if (event.target !== stage || event.isComposing) return;
        if (!(this.wire ? this.lead(event) : this.act(event))) return;
        event.preventDefault();
        event.stopPropagation();
      },
      // Before all others: while a wire is led, letters are names.
      { capture: true },
    );
    stage.addEventListener("focus", () => {
      const { board } = this;
      const [first] = board.chosen;
      if (stage.matches(":focus-visible") && !this.wire && board.scene.graph.size)
        board.surface.setFocus(first ?? board.surface.inTheMiddle());
    });
    stage.addEventListener("blur", () => {
      this.end();
      this.board.surface.setFocus(-1);
    });
    stage.addEventListener("pointerdown", () => this.end(), { capture: true });
  }

  private act(event: KeyboardEvent): boolean {
    if (event.altKey || (event.shiftKey && event.key !== "+")) return false;
    const { board } = this;
    const direction = ARROWS.get(event.key);
    if (direction && !event.ctrlKey && !event.metaKey) {
      board.walk(direction);
      return true;
    }
    if (event.ctrlKey || event.metaKey) return false;
    switch (event.key) {
      case "+":
      case "=":
        board.surface.zoom(1.25);
        return true;
      case "-":
        board.surface.zoom(0.8);
        return true;
      case " ":
        if (board.surface.focused >= 0) this.toggle(board.surface.focused);
        return true;
      case "Escape":
        // With something chosen, the page takes that back first.
        if (board.chosen.size || board.chosenEdges.length) return false;
        board.surface.frame.stage.blur();
        return true;
      default:
        return false;
    }
  }

  private toggle(node: number): void {
    const { board } = this;
    const { nodes, edges } = board.store.selection;
    const next = new Set(nodes);
    const id = board.scene.key(node);
    if (!next.delete(id)) next.add(id);
    board.choose(next, edges);
    board.surface.say(next.has(id) ? gettext("Chosen") : gettext("No longer chosen"));
  }

  // A wire by keyboard

  connect(id: string): void {
    const { board } = this;
    const node = board.scene.find(id);
    if (node < 0) return;
    board.hands.drop();
    this.end();
    board.focus();
    board.surface.setFocus(-1);
    board.surface.reveal(node);
    const ports = board.scene.ports(node);
    if (!ports.length) {
      board.acts.refuse(
        fill(gettext("{name} has no port yet that a wire could begin at."), {
          name: visible(board.scene.graph.names[node] ?? id),
        }),
      );
      return;
    }
    this.begin(node, ports, 0);
  }

  private begin(node: number, ports: readonly string[], port: number): void {
    const { board } = this;
    board.wires.begin({ node, port: ports[port] ?? "out", edge: -1 });
    const targets = board.wires.allowed();
    const name = visible(board.scene.graph.names[node] ?? "");
    if (!targets.length) {
      board.wires.end();
      board.acts.refuse(fill(gettext("There is no node that could come after {name}. N adds one."), { name }));
      return;
    }
    this.wire = { node, ports, port, targets, word: "", typedAt: 0 };
    const [first] = [...targets].sort((a, b) => this.away(node, a) - this.away(node, b));
    this.aim(first ?? -1);
    const from =
      ports.length > 1
        ? fill(gettext("Wire from {name}, port {port}."), { name, port: ports[port] ?? "" })
        : fill(gettext("Wire from {name}."), { name });
    const more = ports.length > 1 ? ` ${gettext("Tab takes the next port.")}` : "";
    board.surface.say(
      `${from} ${board.wires.said()}. ${gettext("Arrows or typing choose where it leads, Enter connects, Escape ends.")}${more}`,
    );
    this.hint(`${from} ${gettext("Arrows or typing choose where it leads, Enter connects, Escape ends.")}${more}`);
  }

  private hint(text: string): void {
    const { view } = this.board.surface;
    this.board.overlay.explain(text, view.width / 2 - 200, view.height - 76);
  }

  /** How far a node is, to the right before all. */
  private away(from: number, node: number): number {
    const { at } = this.board.scene;
    const dx = (at[2 * node] ?? 0) - (at[2 * from] ?? 0);
    const dy = (at[2 * node + 1] ?? 0) - (at[2 * from + 1] ?? 0);
    return Math.abs(dx) + Math.abs(dy) + (dx <= 0 ? 10_000 : 0);
  }

  private aim(node: number): void {
    const { wires, surface } = this.board;
    wires.lead(node);
    wires.show(0, 0);
    if (node >= 0) surface.reveal(node);
    surface.say(wires.said());
  }

  private lead(event: KeyboardEvent): boolean {
    const { wire, board } = this;
    if (!wire) return false;
    const direction = ARROWS.get(event.key);
    if (direction) {
      const next = this.next(direction);
      if (next >= 0) this.aim(next);
    } else if (event.key === "Enter") {
      const node = wire.node;
      const done = board.wires.aim >= 0;
      const said = board.wires.said();
      this.wire = null;
      if (board.wires.finish() && done) board.surface.say(fill(gettext("Connected. {to}"), { to: said }));
      board.surface.setFocus(node);
    } else if (event.key === "Escape") {
      const { node } = wire;
      this.end();
      board.surface.setFocus(node);
    } else if (event.key === "Tab") {
      const { node, ports, port } = wire;
      if (ports.length < 2) return true;
      this.end();
      this.begin(node, ports, (port + (event.shiftKey ? ports.length - 1 : 1)) % ports.length);
    } else if (event.key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey) {
      wire.word = event.timeStamp - wire.typedAt > WORD_MS ? event.key : wire.word + event.key;
      wire.typedAt = event.timeStamp;
      const found = this.named(wire.word.toLowerCase());
      if (found >= 0) this.aim(found);
      else board.surface.say(fill(gettext("No node that it may lead to begins with {word}."), { word: wire.word }));
    } else if (event.key === "Backspace") wire.word = wire.word.slice(0, -1);
    else return false;
    return true;
  }

  /** The nearest that lies in a direction from where the wire leads. */
  private next(direction: Direction): number {
    const { at } = this.board.scene;
    const from = this.board.wires.aim;
    const level = direction === "left" || direction === "right";
    const sign = direction === "left" || direction === "up" ? -1 : 1;
    let best = -1;
    let least = Infinity;
    for (const node of this.wire?.targets ?? []) {
      const dx = (at[2 * node] ?? 0) - (at[2 * from] ?? 0);
      const dy = (at[2 * node + 1] ?? 0) - (at[2 * from + 1] ?? 0);
      const along = (level ? dx : dy) * sign;
      const away = along + 2 * Math.abs(level ? dy : dx);
      if (node !== from && along > 0 && away < least) {
        least = away;
        best = node;
      }
    }
    return best;
  }

  private named(word: string): number {
    const { graph } = this.board.scene;
    const targets = this.wire?.targets ?? [];
    const name = (node: number): string => (graph.names[node] ?? "").toLowerCase();
    return (
      targets.find((node) => name(node).startsWith(word) || (graph.ids[node] ?? "").startsWith(word)) ??
      targets.find((node) => name(node).includes(word)) ??
      -1
    );
  }

  /** Ends a wire that is led by keyboard, without an edge. */
  end(): void {
    if (!this.wire) return;
    this.wire = null;
    this.board.wires.end();
  }
}
