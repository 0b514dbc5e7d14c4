/** What is dropped onto the canvas: a node type of the palette, or files of data. */

import { isObject } from "../../json";
import { ApiError, call, csrf } from "../../api/client";
import { toast } from "../../behaviours/toast";

import { NODE_HEIGHT, NODE_WIDTH, onGrid, type Position } from "../../graph/model";
import { fill, gettext } from "../../words/i18n";
import type { EditBoard } from "./board";

const NODE_DRAG = "application/x-interlock-node";
/** Files taken at once. */
const FILES_MAX = 10;
const EDGE_REACH = 16;
/** From one node to the next below it. */
const ROW = 80;
/** Ends of names that are kept together: `flights.csv.gz`. */
const ENDING = /((?:\.[a-z0-9]{1,8}){1,2})$/i;

export class Drops {
  constructor(private readonly board: EditBoard) {}

  listen(): void {
    const { stage } = this.board.surface.frame;
    stage.addEventListener("dragover", (event) => this.over(event));
    stage.addEventListener("dragleave", (event) => {
      if (!(event.relatedTarget instanceof Node && stage.contains(event.relatedTarget))) this.show(null, -1);
    });
    stage.addEventListener("drop", (event) => this.drop(event));
  }

  private kind(event: DragEvent): "node" | "files" | null {
    const types = event.dataTransfer?.types ?? [];
    return types.includes(NODE_DRAG) ? "node" : types.includes("Files") ? "files" : null;
  }

  /** Where the node would come to stand: its middle under the pointer. */
  private cornerAt(event: MouseEvent): Position {
    const { x, y } = this.board.toGraph(event.clientX, event.clientY);
    return { x: onGrid(x - NODE_WIDTH / 2), y: onGrid(y - NODE_HEIGHT / 2) };
  }

  private over(event: DragEvent): void {
    const kind = this.kind(event);
    if (!kind || !event.dataTransfer) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
    const { x, y } = this.board.surface.place(event);
    this.show(this.cornerAt(event), kind === "node" ? this.board.edgeAt(x, y, EDGE_REACH) : -1);
  }

  private show(at: Position | null, lit: number): void {
    const { over } = this.board.overlay;
    over.ghost = at && { left: at.x, top: at.y, right: at.x + NODE_WIDTH, bottom: at.y + NODE_HEIGHT };
    over.lit = lit;
    this.board.surface.ask();
  }

  private drop(event: DragEvent): void {
    const kind = this.kind(event);
    if (!kind || !event.dataTransfer) return;
    event.preventDefault();
    const { board } = this;
    const lit = board.overlay.over.lit;
    const edge = lit < 0 ? null : board.scene.keyOf(lit);
    this.show(null, -1);
    const at = this.cornerAt(event);
    if (kind === "node") {
      const type = event.dataTransfer.getData(NODE_DRAG);
      if (type && board.acts.add(type, edge === null ? { at } : { at, edge })) board.focus();
      return;
    }
    void this.take([...event.dataTransfer.files].slice(0, FILES_MAX), at);
  }

  private async take(files: readonly File[], at: Position): Promise<void> {
    let { y } = at;
    for (const file of files) {
      const { view } = this.board.surface;
      this.board.overlay.explain(
        fill(gettext("{name} is being uploaded."), { name: file.name }),
        view.width / 2 - 150,
        view.height - 76,
      );
      try {
        const path = await upload(file);
        this.board.acts.addReader(path, { x: at.x, y });
        y += ROW;
      } catch (error) {
        const why = error instanceof ApiError ? error.message : gettext("The server cannot be reached.");
        toast(fill(gettext("{name} was not uploaded: {why}"), { name: file.name, why }), "error");
      }
    }
    this.board.overlay.explain(null);
    this.board.focus();
  }
}

/** Puts a file under a name that no other file has; gives its path. */
async function upload(file: File): Promise<string> {
  const path = await freeName(file.name.replaceAll("/", "_"));
  const response = await fetch(`/api/v1/files/${path.split("/").map(encodeURIComponent).join("/")}`, {
    method: "PUT",
    body: file,
    headers: { Accept: "application/json", "X-CSRFToken": csrf(), "Content-Type": "application/octet-stream" },
    credentials: "same-origin",
  });
  if (response.ok) return path;
  let detail = `${response.status} ${response.statusText}`;
  try {
    const body = (await response.json()) as { detail?: unknown };
    if (typeof body.detail === "string") detail = body.detail;
  } catch {
    // The status says it.
  }
  throw new ApiError(response.status, "", detail, {});
}

async function freeName(name: string): Promise<string> {
  // Paths come in order: those right behind the one before this name begin with it.
  const known = await call("GET", `/api/v1/files/?limit=1000&after=${encodeURIComponent(before(name))}`);
  const results = Array.isArray(known.body["results"]) ? known.body["results"] : [];
  const taken = new Set(
    results.flatMap((entry) => (isObject(entry) && typeof entry["path"] === "string" ? [entry["path"]] : [])),
  );
  if (!taken.has(name)) return name;
  const ending = ENDING.exec(name)?.[1] ?? "";
  const stem = name.slice(0, name.length - ending.length);
  for (let number = 2; ; number += 1) {
    const other = `${stem}-${number}${ending}`;
    if (!taken.has(other)) return other;
  }
}

/** A text that stands before a name and close to it in order. */
function before(name: string): string {
  const ending = ENDING.exec(name)?.[1] ?? "";
  const stem = name.slice(0, name.length - ending.length);
  return stem.slice(0, -1);
}
