/** Facts about nodes that are not in the document: the median duration, and the version that changed them last. */

import { isObject, type Json, isEqual } from "../../json";
import { call } from "../../api/client";
import { type DocNode } from "../../document/document";

import type { Editing } from "../parts";

interface Facts {
  /** Median duration in seconds; null: too few successes. */
  readonly median: number | null;
  /** The version that changed the node last; null: unknown. */
  readonly version: number | null;
}

export class NodeFacts {
  private facts = new Map<string, Facts>();
  private readonly edited = new Set<string>();
  /** The nodes when the draft was opened. */
  private readonly first: ReadonlyMap<string, DocNode>;
  private readonly listeners = new Set<() => void>();

  constructor(private readonly editing: Editing) {
    this.first = new Map(editing.store.doc.nodes.map((node) => [node.id, node]));
  }

  readonly listen = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Requests the facts once. Without an answer they stay unknown. */
  async load(): Promise<void> {
    try {
      const { body } = await call("GET", `${this.editing.facts.address}edit/node-facts/`);
      const nodes: Json | undefined = body["nodes"];
      if (!isObject(nodes)) return;
      for (const [id, value] of Object.entries(nodes)) {
        if (!isObject(value)) continue;
        const number = (key: string): number | null => (typeof value[key] === "number" ? value[key] : null);
        this.facts.set(id, { median: number("learned"), version: number("version") });
        if (value["edited"] === true) this.edited.add(id);
      }
      for (const listener of [...this.listeners]) listener();
    } catch {
      // Offline or not permitted: the fields show less.
    }
  }

  medianDuration(id: string): number | null {
    return this.facts.get(id)?.median ?? null;
  }

  /** Returns the version that changed the node last; "draft": the node differs from the newest version; null: unknown. */
  changed(node: DocNode): number | "draft" | null {
    const version = this.facts.get(node.id)?.version ?? null;
    const before = this.first.get(node.id);
    if (version === null) return null;
    if (this.edited.has(node.id) || !before) return "draft";
    return before === node || isEqual({ ...before, position: null }, { ...node, position: null }) ? version : "draft";
  }
}
