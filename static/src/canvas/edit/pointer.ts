/** Pointer input: selects and drags nodes, draws connections from ports, draws a selection box with Shift, and pans on empty
 * ground. */

import { distanceToPath } from "../../graph/edge-path";
import { gettext } from "../../words/i18n";
import { visible } from "../../words/words";
import type { DragHandler } from "../gestures";
import { ZOOM_NAMES } from "../viewport";
import type { EditBoard } from "./board";
import { NodeDrag } from "./drag";

import { NODE_HEIGHT, NODE_WIDTH, onGrid } from "../../graph/model";

/** Distance to an edge within which it is hit, in pixels. */
const EDGE_PIXELS = 7;
/** Within this distance of its end, dragging an edge reconnects that end. */
const END_PIXELS = 26;
const HANDLE_PIXELS = 11;
/** Within this distance of the border, dragging pans the view. */
const AUTO_PAN_PIXELS = 26;
const AUTO_PAN_SPEED_MAX = 14;

/** For presses on controls over the canvas: no drag, no panning. */
const NO_DRAG: DragHandler = { move: () => undefined, end: () => undefined };

export class PointerInput {
  private hovered = -1;
  private drag: { claim: DragHandler; last: PointerEvent } | null = null;

  constructor(private readonly board: EditBoard) {}

  listen(): void {
    const { stage } = this.board.surface.frame;
    stage.addEventListener("pointerdown", () => this.board.surface.setFocus(-1));
    stage.addEventListener("click", (event) => this.onClick(event));
    stage.addEventListener("dblclick", (event) => this.onDoubleClick(event));
    stage.addEventListener("pointermove", (event) => this.onPointerMove(event));
    stage.addEventListener("pointerleave", () => this.setHovered(-1));
    stage.addEventListener("contextmenu", (event) => {
      const node = this.nodeAt(event);
      if (node >= 0 && !this.board.chosen.has(node)) this.board.choose([this.board.scene.key(node)]);
    });
    this.board.overlay.plus.addEventListener("click", (event) => {
      event.stopPropagation();
      const edge = this.board.overlay.state.edgeWithPlus;
      const { left, bottom } = this.board.overlay.plus.getBoundingClientRect();
      if (edge >= 0)
        this.board.page.openTypeMenu({
          at: null,
          edge: this.board.scene.edgeKeyOf(edge),
          client: { x: left, y: bottom + 4 },
        });
    });
    // Escape cancels a drag, wherever the keyboard focus is.
    document.addEventListener(
      "keydown",
      (event) => {
        if (event.key !== "Escape" || !this.drag) return;
        event.preventDefault();
        event.stopPropagation();
        this.board.gestures.cancel();
      },
      { capture: true },
    );
  }

  startDrag(event: PointerEvent): DragHandler | null {
    const claim = this.handlerFor(event);
    if (!claim || claim === NO_DRAG) return claim;
    return {
      move: (moved) => {
        this.drag = { claim, last: moved };
        this.setHovered(-1);
        claim.move(moved);
      },
      end: (done) => {
        this.drag = null;
        claim.end(done);
      },
    };
  }

  private handlerFor(event: PointerEvent): DragHandler | null {
    const { board } = this;
    const target = event.target instanceof Element ? event.target : null;
    if (target?.closest("button, input")) return NO_DRAG;
    const touch = event.pointerType === "touch";
    const { x, y } = board.surface.pointOf(event);
    const handle = this.handleAt(x, y);
    if (handle) return board.connectionTool.dragEnd(handle.edge, handle.end);
    const out = target?.closest<HTMLElement>("[data-port]")?.dataset["port"];
    if (out !== undefined) {
      const at = out.indexOf(":");
      return board.connectionTool.dragFrom(board.scene.find(out.slice(0, at)), out.slice(at + 1));
    }
    const into = target?.closest<HTMLElement>("[data-in]")?.dataset["in"];
    if (into !== undefined) return board.connectionTool.dragInto(board.scene.find(into));
    const node = this.nodeAt(event);
    // Touch drags only selected nodes; otherwise it pans.
    if (node >= 0)
      return touch && !board.chosen.has(node)
        ? null
        : event.shiftKey || event.ctrlKey || event.metaKey
          ? NO_DRAG
          : new NodeDrag(board, node, event);
    if (touch) return null;
    const edge = this.edgeAt(x, y);
    const end = edge < 0 ? null : this.endOf(edge, x, y, END_PIXELS);
    if (end) return board.connectionTool.dragEnd(edge, end);
    return event.shiftKey ? new SelectionBox(board, event) : null;
  }

  /** Pans while a drag is held near the border; returns whether it did. */
  autoPan(): boolean {
    const { drag } = this;
    if (!drag) return false;
    const { viewport } = this.board.surface;
    const { x, y } = this.board.surface.pointOf(drag.last);
    const pull = (at: number, size: number): number =>
      at < AUTO_PAN_PIXELS
        ? Math.min(AUTO_PAN_SPEED_MAX, (AUTO_PAN_PIXELS - at) / 2)
        : at > size - AUTO_PAN_PIXELS
          ? -Math.min(AUTO_PAN_SPEED_MAX, (at - size + AUTO_PAN_PIXELS) / 2)
          : 0;
    const dx = pull(x, viewport.width);
    const dy = pull(y, viewport.height);
    if (!dx && !dy) return false;
    viewport.panBy(dx, dy);
    drag.claim.move(drag.last);
    return true;
  }

  private nodeAt(event: MouseEvent): number {
    const { board } = this;
    // Of overlapping cards, the one on top.
    const card =
      event.target instanceof Element ? event.target.closest<HTMLElement>("[data-card]")?.dataset["card"] : undefined;
    if (card !== undefined) return board.scene.find(card);
    const { x, y } = board.surface.pointOf(event);
    const point = board.surface.viewport.toGraph(x, y);
    return board.scene.grid.hit(point.x, point.y);
  }

  /** The nearest edge within some pixels of a point of the stage; -1: none. */
  edgeAt(x: number, y: number, pixels = EDGE_PIXELS): number {
    const { scene, surface } = this.board;
    if (surface.viewport.zoom < ZOOM_NAMES) return -1;
    const point = surface.viewport.toGraph(x, y);
    const reach = pixels / surface.viewport.zoom;
    const { boxes } = scene.paths;
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
      const away = distanceToPath(scene.paths, edge, point.x, point.y);
      if (away < least) {
        least = away;
        best = edge;
      }
    }
    return best;
  }

  private handleAt(x: number, y: number): { edge: number; end: "source" | "target" } | null {
    const edge = this.board.overlay.state.edgeWithHandles;
    const end = edge < 0 ? null : this.endOf(edge, x, y, HANDLE_PIXELS);
    return end && { edge, end };
  }

  private endOf(edge: number, x: number, y: number, reach: number): "source" | "target" | null {
    const { paths } = this.board.scene;
    const { viewport } = this.board.surface;
    const away = (at: number): number =>
      Math.hypot(
        (paths.points[at] ?? 0) * viewport.zoom + viewport.x - x,
        (paths.points[at + 1] ?? 0) * viewport.zoom + viewport.y - y,
      );
    const source = away(paths.start[edge] ?? 0);
    const target = away((paths.end[edge] ?? 0) - 2);
    if (Math.min(source, target) > reach) return null;
    return target <= source ? "target" : "source";
  }

  private onClick(event: MouseEvent): void {
    const { board } = this;
    if (board.gestures.wasDragged()) {
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
      board.announceSelection();
      return;
    }
    const { x, y } = board.surface.pointOf(event);
    const word = board.surface.labelAt(x, y);
    const edge = word >= 0 ? word : this.edgeAt(x, y);
    if (edge >= 0) {
      const key = board.scene.edgeKeyOf(edge);
      if (more) board.choose(nodes, toggled(edges, key));
      else board.choose([], [key]);
      if (word >= 0 && !more) board.showDrawer("data");
      board.announceSelection();
      return;
    }
    if (!more) board.choose([]);
  }

  private onDoubleClick(event: MouseEvent): void {
    const { board } = this;
    if (event.target instanceof Element && event.target.closest("button, input")) return;
    const node = this.nodeAt(event);
    if (node >= 0) {
      board.rename(board.scene.key(node));
      return;
    }
    const { x, y } = board.surface.pointOf(event);
    const client = { x: event.clientX, y: event.clientY };
    const edge = this.edgeAt(x, y);
    const point = board.surface.viewport.toGraph(x, y);
    if (edge >= 0) board.page.openTypeMenu({ at: null, edge: board.scene.edgeKeyOf(edge), client });
    else
      board.page.openTypeMenu({
        at: { x: onGrid(point.x - NODE_WIDTH / 2), y: onGrid(point.y - NODE_HEIGHT / 2) },
        client,
      });
  }

  private onPointerMove(event: PointerEvent): void {
    if (event.buttons || event.pointerType === "touch") return;
    const { board } = this;
    const { stage } = board.surface.frame;
    if (event.target instanceof Element && event.target.closest(".cvplus")) return;
    const node = this.nodeAt(event);
    const { x, y } = board.surface.pointOf(event);
    const word = node < 0 ? board.surface.labelAt(x, y) : -1;
    const edge = node >= 0 ? -1 : word >= 0 ? word : this.edgeAt(x, y);
    this.setHovered(edge);
    const painted = node >= 0 && !board.surface.cardNodes.has(node);
    const title = painted
      ? visible((board.scene.graph.names[node] ?? "").slice(0, 2000))
      : word >= 0 && board.scene.labels.get(word)?.outdated
        ? gettext("Number of rows before the last edits")
        : "";
    if (stage.title !== title) stage.title = title;
    stage.classList.toggle("pointing", node >= 0 || edge >= 0);
  }

  private setHovered(edge: number): void {
    if (edge === this.hovered) return;
    this.hovered = edge;
    this.updateEdgeControls();
    this.board.surface.requestFrame();
  }

  /** Edges have new numbers. */
  edgesRenumbered(): void {
    this.hovered = -1;
  }

  /** Decides which edge shows its handles, and which the button to insert a node. */
  updateEdgeControls(): void {
    const { state } = this.board.overlay;
    const [only] = this.board.chosenEdges;
    const chosen = this.board.chosenEdges.length === 1 && !this.board.chosen.size ? (only ?? -1) : -1;
    const near = this.board.surface.viewport.zoom >= 0.5;
    state.edgeWithHandles = near ? chosen : -1;
    state.edgeWithPlus = near && !this.drag ? (this.hovered >= 0 ? this.hovered : chosen) : -1;
  }
}

/** Draws a selection box, which adds to the selection. */
class SelectionBox implements DragHandler {
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
    board.overlay.state.selectionBox = box;
    const found = new Set(this.before);
    board.scene.grid.within(box, (node) => found.add(node));
    for (const node of board.chosen) if (!found.has(node)) board.surface.invalidateCard(node);
    for (const node of found) if (!board.chosen.has(node)) board.surface.invalidateCard(node);
    board.chosen = found;
    board.surface.repaint();
  }

  end(done: boolean): void {
    const { board } = this;
    board.overlay.state.selectionBox = null;
    const found = board.chosen;
    for (const node of found) if (!this.before.has(node)) board.surface.invalidateCard(node);
    board.chosen = this.before;
    if (done)
      board.choose(
        [...found].map((node) => board.scene.key(node)),
        board.store.selection.edges,
      );
    board.surface.repaint();
  }
}
