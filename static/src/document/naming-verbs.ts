/** Verbs that change the name and the ID of a node; references to it follow. Pure. */

import { type Json } from "../json";
import type { Change } from "./changes";
import { type Doc, type DocNode, indexOf, nodeOf } from "./document";
import { isId, idFromName, uniqueId } from "./ids";
import { renameChanges } from "./references/references";
import { fill, gettext } from "../words/i18n";
import { missing, nameIn, shownName, type Types, type VerbResult } from "./verb";

/** Renames a node. Its id follows the name until the node is first published (`publishedIds`; null: unknown, the id stays),
 * and references follow the id. An empty name removes the name. */
export function renameNode(
  doc: Doc,
  types: Types,
  id: string,
  name: string,
  publishedIds: ReadonlySet<string> | null,
): VerbResult {
  const node = nodeOf(doc, id);
  if (!node) return missing();
  const newName = name.trim();
  const free = { has: (other: string): boolean => other !== id && indexOf(doc).has(other) };
  const next = newName && publishedIds && !publishedIds.has(id) ? uniqueId(idFromName(newName) || id, free) : id;
  const changes: Change[] = [
    {
      kind: "set",
      node: id,
      path: ["name"],
      value: newName && newName !== next ? newName : newName ? nameIfStored(node, newName) : undefined,
    },
  ];
  if (next !== id) changes.push(...renameChanges(doc, types, id, next));
  return { changes, label: fill(gettext("Rename {name}"), { name: shownName(node) }) };
}

/** A name that equals the id is stored only where the node has a name. */
const nameIfStored = (node: DocNode, said: string): Json | undefined => (node["name"] === undefined ? undefined : said);

export function setId(doc: Doc, id: string, newId: string, types: Types): VerbResult {
  const node = nodeOf(doc, id);
  if (!node) return missing();
  const wantedId = newId.trim();
  if (!isId(wantedId))
    return {
      refused: gettext(
        "An ID starts with a lowercase letter and has at most 63 lowercase letters, digits and underscores.",
      ),
    };
  if (wantedId !== id && indexOf(doc).has(wantedId))
    return { refused: fill(gettext("{name} already has the ID {id}."), { name: nameIn(doc, wantedId), id: wantedId }) };
  const changes: Change[] =
    wantedId === id
      ? []
      : renameChanges(doc, types, id, wantedId).map((change) =>
          change.kind === "rename" ? { ...change, chosen: true } : change,
        );
  return { changes, label: fill(gettext("Change the ID of {name}"), { name: shownName(node) }) };
}
