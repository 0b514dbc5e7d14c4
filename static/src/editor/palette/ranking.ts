/** Which node types are meant: by what is typed, and by what the new node stands beside. Pure. */

import type { NodeType } from "../../document/node-type";

/** What usually comes after a node of this type, the likeliest first. */
const AFTER: Readonly<Record<string, readonly string[]>> = {
  "table.read": ["table.sql", "python", "table.write"],
  "table.sql": ["table.write", "table.sql", "python", "branch"],
  "sql.query": ["table.sql", "table.write", "python"],
  "http.request": ["python", "table.sql", "branch"],
  python: ["python", "table.sql", "table.write", "branch"],
  "python.function": ["python", "table.sql", "table.write", "branch"],
  shell: ["python", "table.read", "shell"],
  branch: ["python", "shell", "table.sql"],
  "table.write": ["python", "shell", "notify"],
};
const FIRST: readonly string[] = ["table.read", "python", "http.request", "shell"];
const BETWEEN: readonly string[] = ["table.sql", "python", "branch", "noop"];
const BEFORE: Readonly<Record<string, readonly string[]>> = {
  "table.write": ["table.sql", "table.read", "python"],
  "table.sql": ["table.read", "table.sql", "python"],
};

/** Types of what stands around the new node; empty: nothing, null: not asked. */
export interface Around {
  readonly after: string | null;
  readonly before: string | null;
}

/** Types in the order in which they are likely there. */
export function likely({ after, before }: Around): readonly string[] {
  if (after !== null && before !== null) return BETWEEN;
  if (after !== null) return AFTER[after] ?? ["python", "table.sql", "shell"];
  if (before !== null) return BEFORE[before] ?? FIRST;
  return FIRST;
}

/** Types that fit the words, the best first; all of them for none. */
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

/** How well a type fits one word; 0: not at all. */
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
