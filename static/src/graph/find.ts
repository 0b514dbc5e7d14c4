/** Finds nodes by name or id in large graphs. Pure; names are prepared once for each graph. */

import type { Graph } from "./model";

/** Characters of a name that are compared. */
const COMPARED_MAX = 1000;

export class Finder {
  private names: string[] | null = null;

  constructor(private readonly graph: Graph) {}

  /** Returns matching nodes, best first: equal names or ids, then those that start with the text, then those with a word
   * that does, then those that contain it; otherwise in document order. Every word of the text must occur. */
  find(text: string, most = 50): number[] {
    const wanted = text.trim().toLowerCase();
    if (!wanted) return [];
    this.names ??= this.graph.names.map((name) => name.slice(0, COMPARED_MAX).toLowerCase());
    const words = wanted.split(/\s+/);
    const ranks: number[][] = [[], [], [], []];
    for (let node = 0; node < this.graph.size; node += 1) {
      const name: string = this.names[node] ?? "";
      const id = this.graph.ids[node] ?? "";
      if (!words.every((word) => name.includes(word) || id.includes(word))) continue;
      const rank =
        name === wanted || id === wanted
          ? 0
          : name.startsWith(wanted) || id.startsWith(wanted)
            ? 1
            : name.includes(` ${wanted}`) || id.includes(`_${wanted}`)
              ? 2
              : 3;
      ranks[rank]?.push(node);
    }
    return ranks.flat().slice(0, most);
  }
}
