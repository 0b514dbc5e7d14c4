/** Keys while the canvas has the keyboard focus: arrows move and select, and connections are drawn by keyboard. Shortcuts of
 * the whole page are in `editor/commands/keys.ts`. */

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
/** After this pause, typing starts a new name. */
const WORD_MS = 1200;

export class CanvasKeys {
  private connection: {
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
        if (!(this.connection ? this.onConnectionKey(event) : this.onKey(event))) return;
        event.preventDefault();
        event.stopPropagation();
      },
      // Before all other handlers: while a connection is drawn, letters are names of nodes.
      { capture: true },
    );
    stage.addEventListener("focus", () => {
      const { board } = this;
      const [first] = board.chosen;
      if (stage.matches(":focus-visible") && !this.connection && board.scene.graph.size)
        board.surface.setFocus(first ?? board.surface.centreNode());
    });
    stage.addEventListener("blur", () => {
      this.cancelConnection();
      this.board.surface.setFocus(-1);
    });
    stage.addEventListener("pointerdown", () => this.cancelConnection(), { capture: true });
  }

  private onKey(event: KeyboardEvent): boolean {
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
        // The page's own handler clears the selection first.
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
    board.surface.announce(next.has(id) ? gettext("Selected") : gettext("Deselected"));
  }

  // Connecting by keyboard

  startConnection(id: string): void {
    const { board } = this;
    const node = board.scene.find(id);
    if (node < 0) return;
    board.gestures.cancel();
    this.cancelConnection();
    board.focus();
    board.surface.setFocus(-1);
    board.surface.reveal(node);
    const ports = board.scene.ports(node);
    if (!ports.length) {
      board.actions.refuse(
        fill(gettext("{name} has no output port yet."), {
          name: visible(board.scene.graph.names[node] ?? id),
        }),
      );
      return;
    }
    this.connectFromPort(node, ports, 0);
  }

  private connectFromPort(node: number, ports: readonly string[], port: number): void {
    const { board } = this;
    board.connectionTool.begin({ node, port: ports[port] ?? "out", edge: -1 });
    const targets = board.connectionTool.possibleTargets();
    const name = visible(board.scene.graph.names[node] ?? "");
    if (!targets.length) {
      board.connectionTool.cancel();
      board.actions.refuse(fill(gettext("No node can follow {name}. Press N to add one."), { name }));
      return;
    }
    this.connection = { node, ports, port, targets, word: "", typedAt: 0 };
    const [first] = [...targets].sort((a, b) => this.distance(node, a) - this.distance(node, b));
    this.setTarget(first ?? -1);
    const from =
      ports.length > 1
        ? fill(gettext("Connect from {name}, port {port}."), { name, port: ports[port] ?? "" })
        : fill(gettext("Connect from {name}."), { name });
    const more = ports.length > 1 ? ` ${gettext("Press Tab for the next port.")}` : "";
    board.surface.announce(
      `${from} ${board.connectionTool.description()}. ${gettext("Use arrow keys or type a name to choose the target, Enter to connect, Escape to cancel.")}${more}`,
    );
    this.hint(
      `${from} ${gettext("Use arrow keys or type a name to choose the target, Enter to connect, Escape to cancel.")}${more}`,
    );
  }

  private hint(text: string): void {
    const { viewport } = this.board.surface;
    this.board.overlay.showHint(text, viewport.width / 2 - 200, viewport.height - 76);
  }

  /** Distance to a node; nodes on the right come first. */
  private distance(from: number, node: number): number {
    const { at } = this.board.scene;
    const dx = (at[2 * node] ?? 0) - (at[2 * from] ?? 0);
    const dy = (at[2 * node + 1] ?? 0) - (at[2 * from + 1] ?? 0);
    return Math.abs(dx) + Math.abs(dy) + (dx <= 0 ? 10_000 : 0);
  }

  private setTarget(node: number): void {
    const { connectionTool, surface } = this.board;
    connectionTool.setTarget(node);
    connectionTool.draw(0, 0);
    if (node >= 0) surface.reveal(node);
    surface.announce(connectionTool.description());
  }

  private onConnectionKey(event: KeyboardEvent): boolean {
    const { connection, board } = this;
    if (!connection) return false;
    const direction = ARROWS.get(event.key);
    if (direction) {
      const next = this.targetInDirection(direction);
      if (next >= 0) this.setTarget(next);
    } else if (event.key === "Enter") {
      const node = connection.node;
      const done = board.connectionTool.target >= 0;
      const target = board.connectionTool.description();
      this.connection = null;
      if (board.connectionTool.finish() && done)
        board.surface.announce(fill(gettext("Connected. {to}"), { to: target }));
      board.surface.setFocus(node);
    } else if (event.key === "Escape") {
      const { node } = connection;
      this.cancelConnection();
      board.surface.setFocus(node);
    } else if (event.key === "Tab") {
      const { node, ports, port } = connection;
      if (ports.length < 2) return true;
      this.cancelConnection();
      this.connectFromPort(node, ports, (port + (event.shiftKey ? ports.length - 1 : 1)) % ports.length);
    } else if (event.key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey) {
      connection.word = event.timeStamp - connection.typedAt > WORD_MS ? event.key : connection.word + event.key;
      connection.typedAt = event.timeStamp;
      const found = this.targetByName(connection.word.toLowerCase());
      if (found >= 0) this.setTarget(found);
      else board.surface.announce(fill(gettext("No possible target starts with {word}."), { word: connection.word }));
    } else if (event.key === "Backspace") connection.word = connection.word.slice(0, -1);
    else return false;
    return true;
  }

  /** The nearest possible target in a direction. */
  private targetInDirection(direction: Direction): number {
    const { at } = this.board.scene;
    const from = this.board.connectionTool.target;
    const level = direction === "left" || direction === "right";
    const sign = direction === "left" || direction === "up" ? -1 : 1;
    let best = -1;
    let least = Infinity;
    for (const node of this.connection?.targets ?? []) {
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

  private targetByName(word: string): number {
    const { graph } = this.board.scene;
    const targets = this.connection?.targets ?? [];
    const name = (node: number): string => (graph.names[node] ?? "").toLowerCase();
    return (
      targets.find((node) => name(node).startsWith(word) || (graph.ids[node] ?? "").startsWith(word)) ??
      targets.find((node) => name(node).includes(word)) ??
      -1
    );
  }

  /** Cancels a connection by keyboard. */
  cancelConnection(): void {
    if (!this.connection) return;
    this.connection = null;
    this.board.connectionTool.cancel();
  }
}
