/** Ranks node types by the typed text and by the neighbours of the new node. Pure. */

import type { NodeType, NodeTypes } from "../../document/node-type";

/** Types of the neighbours of the new node; empty: the neighbour has no type; null: there is no neighbour. */
export interface Around {
  readonly after: string | null;
  readonly before: string | null;
}

/** Returns the types that are likely there, the likeliest first. */
export function likely(types: NodeTypes, { after, before }: Around): readonly string[] {
  const ranked = (rank: "start_rank" | "between_rank"): string[] =>
    [...types.values()]
      .filter((type) => type[rank] !== null)
      .sort((a, b) => (a[rank] ?? 0) - (b[rank] ?? 0))
      .map(({ type }) => type);
  if (after !== null && before !== null) return ranked("between_rank");
  if (after !== null) return types.get(after)?.followed_by ?? ranked("between_rank");
  const preceding = before === null ? [] : (types.get(before)?.preceded_by ?? []);
  return preceding.length ? preceding : ranked("start_rank");
}

/** Returns the types that match all words, the best first; without words, all types. */
export function matching(types: Iterable<NodeType>, words: string, guess: readonly string[]): NodeType[] {
  const asked = words.trim().toLowerCase().split(/\s+/).filter(Boolean);
  const place = (type: NodeType): number => {
    const at = guess.indexOf(type.type);
    return at < 0 ? guess.length : at;
  };
  return [...types]
    .map((type, order) => ({
      type,
      order,
      score: asked.reduce((sum, word) => Math.min(sum, scoreOf(type, word)), Infinity),
    }))
    .filter(({ score }) => score > 0)
    .sort((a, b) => (asked.length ? b.score - a.score : 0) || place(a.type) - place(b.type) || a.order - b.order)
    .map(({ type }) => type);
}

/** Returns how well a type matches a word; 0: not at all. */
function scoreOf(type: NodeType, word: string): number {
  const name = type.name.toLowerCase();
  if (name === word || type.type === word) return 6;
  if (name.startsWith(word)) return 5;
  if (type.type.startsWith(word)) return 4;
  if (
    name.split(/\s+/).some((part) => part.startsWith(word)) ||
    type.type.split(".").some((part) => part.startsWith(word))
  )
    return 3;
  if (name.includes(word) || type.type.includes(word)) return 2;
  return type.description.toLowerCase().includes(word) ? 1 : 0;
}
