/** What a press on the canvas means: a node is chosen or dragged, a wire is drawn from a port, Shift draws a box around what
 * is to be chosen, and the empty ground moves the view. */

import { distanceTo } from "../../graph/track";
import { gettext } from "../../words/i18n";
import { visible } from "../../words/words";
import type { Claim } from "../gestures";
import { ZOOM_NAMES } from "../viewport";
import type { EditBoard } from "./board";
import { Drag } from "./drag";

import { NODE_HEIGHT, NODE_WIDTH, onGrid } from "../../graph/model";

/** How near to an edge a press is a press on it, in pixels. */
const EDGE_REACH = 7;
/** Within this from its end, a drag takes the end of an edge along. */
const END_REACH = 26;
const HANDLE_REACH = 11;
/** Within this from the border of the canvas, a drag pulls the view along. */
const PULL_REACH = 26;
const PULL_MOST = 14;

/** A press on a control over the canvas is that control's. */
const NOBODY: Claim = { move: () => undefined, end: () => undefined };

export class Press {
  private hovered = -1;
  private going: { claim: Claim; last: PointerEvent } | null = null;

  constructor(private readonly board: EditBoard) {}

  listen(): void {
    const { stage } = this.board.surface.frame;
    stage.addEventListener("pointerdown", () => this.board.surface.setFocus(-1));
    stage.addEventListener("click", (event) => this.click(event));
    stage.addEventListener("dblclick", (event) => this.twice(event));
    stage.addEventListener("pointermove", (event) => this.over(event));
    stage.addEventListener("pointerleave", () => this.light(-1));
    stage.addEventListener("contextmenu", (event) => {
      const node = this.nodeAt(event);
      if (node >= 0 && !this.board.chosen.has(node)) this.board.choose([this.board.scene.key(node)]);
    });
    this.board.overlay.plus.addEventListener("click", (event) => {
      event.stopPropagation();
      const edge = this.board.overlay.over.plus;
      const { left, bottom } = this.board.overlay.plus.getBoundingClientRect();
      if (edge >= 0)
        this.board.page.openTypeMenu({
          at: null,
          edge: this.board.scene.keyOf(edge),
          client: { x: left, y: bottom + 4 },
        });
    });
    // Escape takes back what is being dragged, whatever has the keyboard.
    document.addEventListener(
      "keydown",
      (event) => {
        if (event.key !== "Escape" || !this.going) return;
        event.preventDefault();
        event.stopPropagation();
        this.board.hands.drop();
      },
      { capture: true },
    );
  }

  claim(event: PointerEvent): Claim | null {
    const claim = this.owner(event);
    if (!claim || claim === NOBODY) return claim;
    return {
      move: (moved) => {
        this.going = { claim, last: moved };
        this.light(-1);
        claim.move(moved);
      },
      end: (done) => {
        this.going = null;
        claim.end(done);
      },
    };
  }

  private owner(event: PointerEvent): Claim | null {
    const { board } = this;
    const target = event.target instanceof Element ? event.target : null;
    if (target?.closest("button, input")) return NOBODY;
    const touch = event.pointerType === "touch";
    const { x, y } = board.surface.place(event);
    const handle = this.handleAt(x, y);
    if (handle) return board.wires.reconnect(handle.edge, handle.end);
    const out = target?.closest<HTMLElement>("[data-port]")?.dataset["port"];
    if (out !== undefined) {
      const at = out.indexOf(":");
      return board.wires.from(board.scene.find(out.slice(0, at)), out.slice(at + 1));
    }
    const into = target?.closest<HTMLElement>("[data-in]")?.dataset["in"];
    if (into !== undefined) return board.wires.to(board.scene.find(into));
    const node = this.nodeAt(event);
    // A finger moves what it has chosen before; else it moves the view.
    if (node >= 0)
      return touch && !board.chosen.has(node)
        ? null
        : event.shiftKey || event.ctrlKey || event.metaKey
          ? NOBODY
          : new Drag(board, node, event);
    if (touch) return null;
    const edge = this.edgeAt(x, y);
    const end = edge < 0 ? null : this.endOf(edge, x, y, END_REACH);
    if (end) return board.wires.reconnect(edge, end);
    return event.shiftKey ? new Box(board, event) : null;
  }

  /** While the pointer rests at the border, the view follows what is dragged; whether it does. */
  pull(): boolean {
    const { going } = this;
    if (!going) return false;
    const { view } = this.board.surface;
    const { x, y } = this.board.surface.place(going.last);
    const pull = (at: number, size: number): number =>
      at < PULL_REACH
        ? Math.min(PULL_MOST, (PULL_REACH - at) / 2)
        : at > size - PULL_REACH
          ? -Math.min(PULL_MOST, (at - size + PULL_REACH) / 2)
          : 0;
    const dx = pull(x, view.width);
    const dy = pull(y, view.height);
    if (!dx && !dy) return false;
    view.panBy(dx, dy);
    going.claim.move(going.last);
    return true;
  }

  private nodeAt(event: MouseEvent): number {
    const { board } = this;
    // Cards that lie over each other: the one that is seen.
    const card =
      event.target instanceof Element ? event.target.closest<HTMLElement>("[data-card]")?.dataset["card"] : undefined;
    if (card !== undefined) return board.scene.find(card);
    const { x, y } = board.surface.place(event);
    const point = board.surface.view.toGraph(x, y);
    return board.scene.grid.hit(point.x, point.y);
  }

  /** The edge at a point of the stage; -1: none. */
  edgeAt(x: number, y: number, pixels = EDGE_REACH): number {
    const { scene, surface } = this.board;
    if (surface.view.zoom < ZOOM_NAMES) return -1;
    const point = surface.view.toGraph(x, y);
    const reach = pixels / surface.view.zoom;
    const { boxes } = scene.ways;
    let best = -1;
    let least = reach;
    for (let edge = 0; edge < scene.graph.edges; edge += 1) {
      const at = 4 * edge;
      if (
        (boxes[at] ?? 0) - reach > point.x ||
        (boxes[at + 2] ?? 0) + reach < point.x ||
        (boxes[at + 1] ?? 0) - reach > point.y ||
        (boxes[at + 3] ?? 0) + reach < point.y
      )
        continue;
      const away = distanceTo(scene.ways, edge, point.x, point.y);
      if (away < least) {
        least = away;
        best = edge;
      }
    }
    return best;
  }

  private handleAt(x: number, y: number): { edge: number; end: "source" | "target" } | null {
    const edge = this.board.overlay.over.handles;
    const end = edge < 0 ? null : this.endOf(edge, x, y, HANDLE_REACH);
    return end && { edge, end };
  }

  private endOf(edge: number, x: number, y: number, reach: number): "source" | "target" | null {
    const { ways } = this.board.scene;
    const { view } = this.board.surface;
    const away = (at: number): number =>
      Math.hypot((ways.points[at] ?? 0) * view.zoom + view.x - x, (ways.points[at + 1] ?? 0) * view.zoom + view.y - y);
    const source = away(ways.start[edge] ?? 0);
    const target = away((ways.end[edge] ?? 0) - 2);
    if (Math.min(source, target) > reach) return null;
    return target <= source ? "target" : "source";
  }

  private click(event: MouseEvent): void {
    const { board } = this;
    if (board.hands.dragged()) {
      board.surface.fitted = false;
      return;
    }
    if (event.target instanceof Element && event.target.closest("button, input")) return;
    const more = event.shiftKey || event.ctrlKey || event.metaKey;
    const { nodes, edges } = board.store.selection;
    const toggled = (set: ReadonlySet<string>, id: string): Set<string> => {
      const next = new Set(set);
      if (!next.delete(id)) next.add(id);
      return next;
    };
    const node = this.nodeAt(event);
    if (node >= 0) {
      const id = board.scene.key(node);
      if (more) board.choose(toggled(nodes, id), edges);
      else board.choose([id]);
      board.sayChosen();
      return;
    }
    const { x, y } = board.surface.place(event);
    const word = board.surface.wordAt(x, y);
    const edge = word >= 0 ? word : this.edgeAt(x, y);
    if (edge >= 0) {
      const key = board.scene.keyOf(edge);
      if (more) board.choose(nodes, toggled(edges, key));
      else board.choose([], [key]);
      if (word >= 0 && !more) board.showDrawer("data");
      board.sayChosen();
      return;
    }
    if (!more) board.choose([]);
  }

  private twice(event: MouseEvent): void {
    const { board } = this;
    if (event.target instanceof Element && event.target.closest("button, input")) return;
    const node = this.nodeAt(event);
    if (node >= 0) {
      board.rename(board.scene.key(node));
      return;
    }
    const { x, y } = board.surface.place(event);
    const client = { x: event.clientX, y: event.clientY };
    const edge = this.edgeAt(x, y);
    const point = board.surface.view.toGraph(x, y);
    if (edge >= 0) board.page.openTypeMenu({ at: null, edge: board.scene.keyOf(edge), client });
    else
      board.page.openTypeMenu({
        at: { x: onGrid(point.x - NODE_WIDTH / 2), y: onGrid(point.y - NODE_HEIGHT / 2) },
        client,
      });
  }

  private over(event: PointerEvent): void {
    if (event.buttons || event.pointerType === "touch") return;
    const { board } = this;
    const { stage } = board.surface.frame;
    if (event.target instanceof Element && event.target.closest(".cvplus")) return;
    const node = this.nodeAt(event);
    const { x, y } = board.surface.place(event);
    const word = node < 0 ? board.surface.wordAt(x, y) : -1;
    const edge = node >= 0 ? -1 : word >= 0 ? word : this.edgeAt(x, y);
    this.light(edge);
    const painted = node >= 0 && !board.surface.elements.has(node);
    const title = painted
      ? visible((board.scene.graph.names[node] ?? "").slice(0, 2000))
      : word >= 0 && board.scene.labels.get(word)?.old
        ? gettext("Rows before the last edits")
        : "";
    if (stage.title !== title) stage.title = title;
    stage.classList.toggle("pointing", node >= 0 || edge >= 0);
  }

  private light(edge: number): void {
    if (edge === this.hovered) return;
    this.hovered = edge;
    this.hover();
    this.board.surface.ask();
  }

  /** Numbers of edges mean others now. */
  renumbered(): void {
    this.hovered = -1;
  }

  /** Which edge shows its handles, and which its plus. */
  hover(): void {
    const { over } = this.board.overlay;
    const [only] = this.board.chosenEdges;
    const chosen = this.board.chosenEdges.length === 1 && !this.board.chosen.size ? (only ?? -1) : -1;
    const near = this.board.surface.view.zoom >= 0.5;
    over.handles = near ? chosen : -1;
    over.plus = near && !this.going ? (this.hovered >= 0 ? this.hovered : chosen) : -1;
  }
}

/** A box around what is to be chosen, beside what is chosen already. */
class Box implements Claim {
  private readonly x: number;
  private readonly y: number;
  private readonly before: ReadonlySet<number>;

  constructor(
    private readonly board: EditBoard,
    event: PointerEvent,
  ) {
    const { x, y } = board.toGraph(event.clientX, event.clientY);
    this.x = x;
    this.y = y;
    this.before = board.chosen;
  }

  move(event: PointerEvent): void {
    const { board } = this;
    const { x, y } = board.toGraph(event.clientX, event.clientY);
    const box = {
      left: Math.min(x, this.x),
      top: Math.min(y, this.y),
      right: Math.max(x, this.x),
      bottom: Math.max(y, this.y),
    };
    board.overlay.over.box = box;
    const found = new Set(this.before);
    board.scene.grid.within(box, (node) => found.add(node));
    for (const node of board.chosen) if (!found.has(node)) board.surface.touch(node);
    for (const node of found) if (!board.chosen.has(node)) board.surface.touch(node);
    board.chosen = found;
    board.surface.repaint();
  }

  end(done: boolean): void {
    const { board } = this;
    board.overlay.over.box = null;
    const found = board.chosen;
    for (const node of found) if (!this.before.has(node)) board.surface.touch(node);
    board.chosen = this.before;
    if (done)
      board.choose(
        [...found].map((node) => board.scene.key(node)),
        board.store.selection.edges,
      );
    board.surface.repaint();
  }
}
