/** What the server knows of nodes beside the document: the usual duration, the version that changed them last. */

import { isObject, type Json, isEqual } from "../../json";
import { call } from "../../api/client";
import { type DocNode } from "../../document/document";

import type { Editing } from "../parts";

interface NodeFacts {
  /** Seconds; null: too few successes yet. */
  readonly learned: number | null;
  /** Version since which the node is as it is; null: not known. */
  readonly version: number | null;
}

export class Known {
  private facts = new Map<string, NodeFacts>();
  private readonly edited = new Set<string>();
  /** Nodes as the draft was opened. */
  private readonly first: ReadonlyMap<string, DocNode>;
  private readonly listeners = new Set<() => void>();

  constructor(private readonly editing: Editing) {
    this.first = new Map(editing.store.doc.nodes.map((node) => [node.id, node]));
  }

  readonly listen = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Asked once; without an answer nothing is said. */
  async load(): Promise<void> {
    try {
      const { body } = await call("GET", `${this.editing.facts.address}edit/node-facts/`);
      const nodes: Json | undefined = body["nodes"];
      if (!isObject(nodes)) return;
      for (const [id, value] of Object.entries(nodes)) {
        if (!isObject(value)) continue;
        const number = (key: string): number | null => (typeof value[key] === "number" ? value[key] : null);
        this.facts.set(id, { learned: number("learned"), version: number("version") });
        if (value["edited"] === true) this.edited.add(id);
      }
      for (const listener of [...this.listeners]) listener();
    } catch {
      // Offline, or no right to see it: the fields say less.
    }
  }

  learned(id: string): number | null {
    return this.facts.get(id)?.learned ?? null;
  }

  /** Version that changed the node last; "draft": it differs from the newest version; null: not known. */
  changed(node: DocNode): number | "draft" | null {
    const version = this.facts.get(node.id)?.version ?? null;
    const before = this.first.get(node.id);
    if (version === null) return null;
    if (this.edited.has(node.id) || !before) return "draft";
    return before === node || isEqual({ ...before, position: null }, { ...node, position: null }) ? version : "draft";
  }
}
