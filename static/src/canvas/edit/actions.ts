/** Edits of the document from the canvas: the document's verbs, combined with derived positions. */

import type { InsertionPoint } from "../../document/insertion-point";
import type { Position } from "../../graph/model";
import { performVerb, showRefusal } from "../../document/perform";

import { moveNodes } from "../../document/placement-verbs";
import { addNode, makeRoomOnEdge } from "../../document/node-verbs";
import { connect, insertOnEdge, reconnect } from "../../document/connection-verbs";
import { renameNode } from "../../document/naming-verbs";
import { type VerbResult } from "../../document/verb";
import type { Change } from "../../document/changes";
import { reduce } from "../../document/changes";
import { nodeOf } from "../../document/document";
import type { EditBoard } from "./board";

export class CanvasActions {
  constructor(private readonly board: EditBoard) {}

  private get doc() {
    return this.board.store.doc;
  }
  private get types() {
    return this.board.page.types;
  }
  private readonly place = (id: string): Position | null => this.board.placeOf(id);

  private perform(verb: VerbResult): boolean {
    return performVerb(this.board.page, verb);
  }

  refuse(why: string): void {
    showRefusal(why);
  }

  connect(from: { node: string; port: string }, to: string): boolean {
    return this.perform(connect(this.doc, this.types, from, to));
  }

  reconnect(edge: string, end: "source" | "target", node: string, port?: string): boolean {
    return this.perform(reconnect(this.doc, this.types, edge, end, node, port));
  }

  /** `edge`: the node is inserted into it. */
  move(to: ReadonlyMap<string, Position>, edge: string | null): boolean {
    const moved = moveNodes(this.doc, this.board.derivedPositions.toSave(this.doc, to));
    const own = moveNodes(this.doc, to);
    if ("refused" in moved || "refused" in own) return false;
    const [id] = to.keys();
    const inserted = edge !== null && id !== undefined ? insertOnEdge(this.doc, this.types, edge, id) : null;
    const at = id === undefined ? undefined : to.get(id);
    if (inserted && !("refused" in inserted) && edge !== null && id !== undefined && at)
      return this.perform({
        ...inserted,
        changes: [...inserted.changes, ...moved.changes, ...makeRoomOnEdge(this.doc, edge, id, at, this.place)],
      });
    return this.perform({ ...moved, label: own.label });
  }

  add(type: string, at: InsertionPoint): boolean {
    return this.perform(addNode(this.doc, this.types, type, at, this.place));
  }

  /** Adds a node that reads a file, of the first type that does. */
  addReader(path: string, at: Position): boolean {
    const reader = [...this.types.values()]
      .flatMap(({ type, paths }) => paths.map(({ field, direction }) => ({ type, field, direction })))
      .find(({ direction }) => direction === "read");
    if (!reader) return false;
    const verb = addNode(this.doc, this.types, reader.type, { at }, this.place);
    if ("refused" in verb) return this.perform(verb);
    const [id] = verb.select?.nodes ?? [];
    const more: Change[] =
      id === undefined ? [] : [{ kind: "set", node: id, path: ["config", reader.field], value: path }];
    return this.perform({ ...verb, changes: [...verb.changes, ...more] });
  }

  rename(id: string, name: string): void {
    const { page, store, derivedPositions } = this.board;
    const verb = renameNode(this.doc, this.types, id, name, page.publishedIds);
    if ("refused" in verb) {
      this.perform(verb);
      return;
    }
    // A derived position follows the new id.
    const after = verb.changes.reduce(reduce, store.doc);
    const next = after.nodes.find((node) => !nodeOf(store.doc, node.id))?.id;
    if (next !== undefined) derivedPositions.set(next, derivedPositions.of(id));
    this.perform(verb);
  }
}
