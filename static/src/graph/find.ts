/** Finds nodes by name or id among very many. Pure; what it compares is made ready once for a graph. */

import type { Graph } from "./model";

/** Of a name, only so much is compared: nobody types more. */
const COMPARED_MAX = 1000;

export class Finder {
  private names: string[] | null = null;

  constructor(private readonly graph: Graph) {}

  /** Nodes that fit, best first: the whole name or id, one that begins so, one with a word that begins so, one that
   * holds it; in document order where they fit equally well. Every word of the text must be found. */
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
