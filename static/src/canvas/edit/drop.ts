/** Dropping on the canvas: node types from the palette, or data files. */

import { isObject } from "../../json";
import { call, errorText, send } from "../../api/client";
import { toast } from "../../behaviours/toast";

import { NODE_HEIGHT, NODE_WIDTH, onGrid, type Position } from "../../graph/model";
import { fill, gettext } from "../../words/i18n";
import type { EditBoard } from "./board";

const NODE_DRAG = "application/x-interlock-node";
/** Maximum number of files per drop. */
const FILES_MAX = 10;
const EDGE_PIXELS = 16;
/** Distance between the nodes of several files. */
const ROW_HEIGHT = 80;
/** Extensions of a file name, as in `flights.csv.gz`. */
const EXTENSION = /((?:\.[a-z0-9]{1,8}){1,2})$/i;

export class DropTarget {
  constructor(private readonly board: EditBoard) {}

  listen(): void {
    const { stage } = this.board.surface.frame;
    stage.addEventListener("dragover", (event) => this.onDragOver(event));
    stage.addEventListener("dragleave", (event) => {
      if (!(event.relatedTarget instanceof Node && stage.contains(event.relatedTarget))) this.show(null, -1);
    });
    stage.addEventListener("drop", (event) => this.onDrop(event));
  }

  private kind(event: DragEvent): "node" | "files" | null {
    const types = event.dataTransfer?.types ?? [];
    return types.includes(NODE_DRAG) ? "node" : types.includes("Files") ? "files" : null;
  }

  /** The position of a node with its middle under the pointer. */
  private cornerAt(event: MouseEvent): Position {
    const { x, y } = this.board.toGraph(event.clientX, event.clientY);
    return { x: onGrid(x - NODE_WIDTH / 2), y: onGrid(y - NODE_HEIGHT / 2) };
  }

  private onDragOver(event: DragEvent): void {
    const kind = this.kind(event);
    if (!kind || !event.dataTransfer) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
    const { x, y } = this.board.surface.pointOf(event);
    this.show(this.cornerAt(event), kind === "node" ? this.board.edgeAt(x, y, EDGE_PIXELS) : -1);
  }

  private show(at: Position | null, lit: number): void {
    const { state } = this.board.overlay;
    state.dropPreview = at && { left: at.x, top: at.y, right: at.x + NODE_WIDTH, bottom: at.y + NODE_HEIGHT };
    state.highlightedEdge = lit;
    this.board.surface.requestFrame();
  }

  private onDrop(event: DragEvent): void {
    const kind = this.kind(event);
    if (!kind || !event.dataTransfer) return;
    event.preventDefault();
    const { board } = this;
    const lit = board.overlay.state.highlightedEdge;
    const edge = lit < 0 ? null : board.scene.edgeKeyOf(lit);
    this.show(null, -1);
    const at = this.cornerAt(event);
    if (kind === "node") {
      const type = event.dataTransfer.getData(NODE_DRAG);
      if (type && board.actions.add(type, edge === null ? { at } : { at, edge })) board.focus();
      return;
    }
    void this.uploadFiles([...event.dataTransfer.files].slice(0, FILES_MAX), at);
  }

  private async uploadFiles(files: readonly File[], at: Position): Promise<void> {
    let { y } = at;
    for (const file of files) {
      const { viewport } = this.board.surface;
      this.board.overlay.showHint(
        fill(gettext("Uploading {name} …"), { name: file.name }),
        viewport.width / 2 - 150,
        viewport.height - 76,
      );
      try {
        const path = await upload(file);
        this.board.actions.addReader(path, { x: at.x, y });
        y += ROW_HEIGHT;
      } catch (error) {
        const why = errorText(error);
        toast(fill(gettext("Couldn't upload {name}: {why}"), { name: file.name, why }), "error");
      }
    }
    this.board.overlay.showHint(null);
    this.board.focus();
  }
}

/** Uploads a file under an unused name; returns its path. */
async function upload(file: File): Promise<string> {
  const path = await freeName(file.name.replaceAll("/", "_"));
  await send("PUT", `/api/v1/files/${encodeURIComponent(path)}`, file, { "Content-Type": "application/octet-stream" });
  return path;
}

async function freeName(name: string): Promise<string> {
  // The listing is sorted: names like this one follow right after the start.
  const known = await call("GET", `/api/v1/files/?limit=1000&after=${encodeURIComponent(listingStart(name))}`);
  const results = Array.isArray(known.body["results"]) ? known.body["results"] : [];
  const taken = new Set(
    results.flatMap((entry) => (isObject(entry) && typeof entry["path"] === "string" ? [entry["path"]] : [])),
  );
  if (!taken.has(name)) return name;
  const ending = EXTENSION.exec(name)?.[1] ?? "";
  const stem = name.slice(0, name.length - ending.length);
  for (let number = 2; ; number += 1) {
    const other = `${stem}-${number}${ending}`;
    if (!taken.has(other)) return other;
  }
}

/** A text right before the name in sort order. */
function listingStart(name: string): string {
  const ending = EXTENSION.exec(name)?.[1] ?? "";
  const stem = name.slice(0, name.length - ending.length);
  return stem.slice(0, -1);
}
