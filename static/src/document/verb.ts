/** What a verb, an action of the author on the graph, returns: the changes to apply, or the reason why it is refused. */

import type { Change } from "./changes";
import { type Doc, type DocEdge, type DocNode, edgeKey, nameOf, nodeOf } from "./document";
import type { Position } from "../graph/model";
import type { NodeType } from "./node-type";
import type { Problem } from "./problems";
import { gettext } from "../words/i18n";
import { visible } from "../words/words";

export interface Edit {
  readonly changes: Change[];
  /** Shown as "Undo ...". */
  readonly label: string;
  /** Successive edits with the same key are one step of the history. */
  readonly mergeKey?: string;
  readonly select?: { readonly nodes?: string[]; readonly edges?: string[] };
}

export type VerbResult = Edit | { readonly refused: string };
export type Types = ReadonlyMap<string, NodeType>;
export type PositionLookup = (id: string) => Position | null;

export const missing = (): VerbResult => ({ refused: gettext("This no longer exists.") });
export const shownName = (node: DocNode): string => visible(nameOf(node));
export const nameIn = (doc: Doc, id: string): string => {
  const node = nodeOf(doc, id);
  return node ? shownName(node) : visible(id);
};
export const edgeOf = (doc: Doc, key: string): DocEdge | undefined => doc.edges.find((edge) => edgeKey(edge) === key);

/** Applies the fix that a problem offers. */
export function applyFix(problem: Problem): VerbResult {
  if (!problem.fix) return { refused: gettext("There is no automatic fix for this.") };
  return { changes: [{ kind: "patch", operations: problem.fix.changes }], label: problem.fix.label };
}
