/** Describes the differences between the draft on the screen and one saved from another tab. Pure. */

import type { Path } from "../../document/changes";
import type { NodeTypes } from "../../document/node-type";
import { isObject, type Json, isEqual } from "../../json";
import { type Doc, type DocEdge, type DocNode, edgeKey, indexOf, nameOf, typeOf } from "../../document/document";

import { fill, gettext, ngettext } from "../../words/i18n";
import { visible } from "../../words/words";
import { fieldName } from "../drawer/field-names";

const NO_TYPES: NodeTypes = new Map();

interface Differences {
  /** Ids of nodes that only this tab has, that only the other has, and that differ. */
  readonly mine: readonly string[];
  readonly theirs: readonly string[];
  readonly unlike: readonly string[];
  /** One sentence per difference, nodes first. */
  readonly lines: readonly string[];
}

export function differences(mine: Doc, theirs: Doc, types: NodeTypes = NO_TYPES): Differences {
  const here = indexOf(mine);
  const there = indexOf(theirs);
  const onlyMine = mine.nodes.filter((node) => !there.has(node.id));
  const onlyTheirs = theirs.nodes.filter((node) => !here.has(node.id));
  const both = mine.nodes.flatMap((node): [DocNode, DocNode][] => {
    const other = theirs.nodes[there.get(node.id) ?? -1];
    return other && other !== node && !isEqual(node as Json, other as Json) ? [[node, other]] : [];
  });
  const keysHere = new Map(mine.edges.map((edge) => [edgeKey(edge), edge]));
  const keysThere = new Map(theirs.edges.map((edge) => [edgeKey(edge), edge]));
  const lines = [
    ...both.map(([a, b]) =>
      fill(gettext("{node}: different {fields}"), {
        node: visible(nameOf(a)),
        fields: fieldsOf(a, b)
          .map((path) => fieldName(path, types.get(typeOf(a))))
          .join(", "),
      }),
    ),
    ...onlyMine.map((node) => fill(gettext("{node} is only in this tab"), { node: visible(nameOf(node)) })),
    ...onlyTheirs.map((node) => fill(gettext("{node} is only in the saved draft"), { node: visible(nameOf(node)) })),
    ...mine.edges
      .filter((edge) => !keysThere.has(edgeKey(edge)) && there.has(edge.source) && there.has(edge.target))
      .map((edge) => fill(gettext("{edge} is connected only in this tab"), { edge: edgeName(mine, edge) })),
    ...theirs.edges
      .filter((edge) => !keysHere.has(edgeKey(edge)) && here.has(edge.source) && here.has(edge.target))
      .map((edge) => fill(gettext("{edge} is connected only in the saved draft"), { edge: edgeName(theirs, edge) })),
    ...[...new Set([...Object.keys(mine), ...Object.keys(theirs)])]
      .filter((key) => key !== "nodes" && key !== "edges" && !isEqual(mine[key] as Json, theirs[key] as Json))
      .map(partDiffers),
  ];
  return {
    mine: onlyMine.map(({ id }) => id),
    theirs: onlyTheirs.map(({ id }) => id),
    unlike: both.map(([{ id }]) => id),
    lines,
  };
}

/** Counts the differences of each kind, in one line. */
export function summary({ mine, theirs, unlike, lines }: Differences): string {
  const others = lines.length - mine.length - theirs.length - unlike.length;
  return [
    unlike.length ? fill(ngettext("{n} node differs", "{n} nodes differ", unlike.length), { n: unlike.length }) : "",
    mine.length
      ? fill(ngettext("{n} node is only here", "{n} nodes are only here", mine.length), { n: mine.length })
      : "",
    theirs.length
      ? fill(ngettext("{n} node is only there", "{n} nodes are only there", theirs.length), { n: theirs.length })
      : "",
    others ? fill(ngettext("{n} other difference", "{n} other differences", others), { n: others }) : "",
  ]
    .filter(Boolean)
    .join(" · ");
}

/** Returns the fields that differ; in config and policy, the fields within them. */
function fieldsOf(a: DocNode, b: DocNode): Path[] {
  const found: Path[] = [];
  for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
    const [one, other] = [a[key], b[key]];
    if (isEqual(one, other)) continue;
    if ((key === "config" || key === "policy") && isMap(one) && isMap(other))
      for (const inner of new Set([...Object.keys(one), ...Object.keys(other)]))
        if (!isEqual(one[inner], other[inner])) found.push([key, inner]);
    if (key !== "config" && key !== "policy") found.push([key]);
    else if (!isMap(one) || !isMap(other)) found.push([key]);
  }
  return found;
}

const isMap = (value: Json | undefined): value is { [key: string]: Json } => isObject(value);

function partDiffers(key: string): string {
  switch (key) {
    case "inputs":
      return gettext("Workflow inputs differ");
    case "settings":
      return gettext("Workflow settings differ");
    default:
      return fill(gettext("{field} differs"), { field: visible(key) });
  }
}

function edgeName(doc: Doc, edge: DocEdge): string {
  const index = indexOf(doc);
  const name = (id: string): string => {
    const node = doc.nodes[index.get(id) ?? -1];
    return visible(node ? nameOf(node) : id);
  };
  return `${name(edge.source)} → ${name(edge.target)}`;
}
