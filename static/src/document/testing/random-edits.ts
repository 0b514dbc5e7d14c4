/** Random edits through the real store and verbs, reproducible by a seed, for property tests. */

import type { Json, JsonObject } from "../../json";
import type { Change } from "../changes";
import { type Doc, edgeKey } from "../document";
import { outPorts } from "../ports";

import type { EditorStore } from "../store";
import { align, copyText, duplicate, moveNodes, nudge, paste } from "../placement-verbs";
import { addNode, removeSelection } from "../node-verbs";
import { connect, insertOnEdge, reconnect } from "../connection-verbs";
import { renameNode, setId } from "../naming-verbs";
import { type VerbResult } from "../verb";
import { BUILT_IN } from "./node-type";
import { random } from "../../testing/random";

export const TYPES = BUILT_IN;

const NODES_MAX = 40;
const NAMES = [
  "Load",
  "Load flights",
  "Clean",
  "raw",
  "order",
  "航班",
  "Délais 2024",
  "x".repeat(80),
  "a.b",
  " ",
  "select",
];
const PATHS: readonly (readonly [string, ...string[]])[] = [
  ["config", "path"],
  ["config", "sql"],
  ["config", "code"],
  ["config", "command"],
  ["config", "condition"],
  ["config", "options", "delim"],
  ["policy", "retries"],
  ["policy", "pool"],
  ["policy", "soft_timeout"],
  ["notes"],
  ["name"],
  ["type"],
  ["config"],
  ["policy"],
  ["odd", "field"],
];
const VALUES: readonly (Json | undefined)[] = [
  undefined,
  null,
  "",
  0,
  -1,
  1.5,
  300,
  true,
  "disk",
  "samples/flights.csv.gz",
  "select * from load",
  "{{ nodes.load.output }} {{ inputs.x",
  "def main(inputs, ctx):\n    return inputs['load']\n",
  [],
  {},
  [1, { a: null }],
  { cases: [{ port: "a", when: "true" }] },
  "x".repeat(200),
  "\u0000",
  "\ud800",
];

/** Valid values of the required fields of each type. */
const REQUIRED_CONFIG: Readonly<Record<string, JsonObject>> = {
  "table.read": { path: "samples/flights.csv.gz" },
  "table.write": { path: "out.csv" },
  "table.sql": { sql: "select 1" },
  shell: { command: "cat $INTERLOCK_INPUT_LOAD" },
  "python.function": { function: "os.getcwd" },
  branch: { condition: "true" },
};

interface Author {
  /** Tries one edit; returns whether the document changed. */
  edit(): boolean;
}

/** `careful`: uses verbs only and fills in required fields, so that any problem is the fault of a verb. */
export function randomAuthor(store: EditorStore, seed: number, careful: boolean): Author {
  const next = random(seed);
  const below = (limit: number): number => Math.floor(next() * limit);
  const pick = <T>(list: readonly T[]): T | undefined => list[below(list.length)];
  const nodeIn = (doc: Doc): string => pick(doc.nodes)?.id ?? "none";
  const edgeIn = (doc: Doc): string => {
    const edge = pick(doc.edges);
    return edge ? edgeKey(edge) : "none";
  };
  const some = (doc: Doc): string[] => [...new Set(Array.from({ length: 1 + below(4) }, () => nodeIn(doc)))];
  const port = (doc: Doc, id: string): string => {
    const node = doc.nodes.find((one) => one.id === id);
    return (node && pick(outPorts(node, TYPES))) ?? "out";
  };
  const place = (id: string): { x: number; y: number } => ({ x: id.length * 10, y: 0 });
  const names: ReadonlySet<string> = new Set(["load", "clean"]);

  const perform = (verb: VerbResult): boolean => {
    if ("refused" in verb) return false;
    return store.edit(verb.changes, {
      label: verb.label,
      ...(verb.mergeKey ? { mergeKey: verb.mergeKey } : {}),
      ...(verb.select ? { select: verb.select } : {}),
    });
  };
  const add = (doc: Doc): boolean => {
    const type = pick([...TYPES.keys()]) ?? "noop";
    const from = nodeIn(doc);
    const insertion = pick([
      { at: null },
      { at: { x: below(900), y: below(900) } },
      { at: null, from: { node: from, port: port(doc, from) } },
      { at: null, to: { node: nodeIn(doc) } },
      { at: null, edge: edgeIn(doc) },
    ]) ?? { at: null };
    const verb = addNode(doc, TYPES, type, insertion, place);
    const [id] = "refused" in verb ? [] : (verb.select?.nodes ?? []);
    const filled = REQUIRED_CONFIG[type];
    if ("refused" in verb || !careful || !filled || id === undefined) return perform(verb);
    const fills: Change[] = Object.entries(filled).map(([field, value]) => ({
      kind: "set",
      node: id,
      path: ["config", field],
      value,
    }));
    return perform({
      ...verb,
      changes: [
        ...verb.changes,
        ...(type === "table.sql" && verb.changes.some((change) => change.kind === "set") ? [] : fills),
      ],
    });
  };
  const verbs: readonly ((doc: Doc) => boolean)[] = [
    add,
    add,
    (doc) => {
      const from = nodeIn(doc);
      return perform(connect(doc, TYPES, { node: from, port: port(doc, from) }, nodeIn(doc)));
    },
    (doc) => {
      const from = nodeIn(doc);
      return perform(connect(doc, TYPES, { node: from, port: port(doc, from) }, nodeIn(doc)));
    },
    (doc) => {
      const to = nodeIn(doc);
      return perform(
        next() < 0.5
          ? reconnect(doc, TYPES, edgeIn(doc), "source", to, port(doc, to))
          : reconnect(doc, TYPES, edgeIn(doc), "target", to),
      );
    },
    (doc) => perform(insertOnEdge(doc, TYPES, edgeIn(doc), nodeIn(doc))),
    (doc) =>
      perform(
        removeSelection(
          doc,
          { nodes: new Set(next() < 0.7 ? some(doc) : []), edges: new Set(next() < 0.4 ? [edgeIn(doc)] : []) },
          TYPES,
        ),
      ),
    (doc) => perform(duplicate(doc, some(doc), place, TYPES)),
    (doc) =>
      perform(
        paste(
          doc,
          copyText(doc, some(doc), place),
          next() < 0.5 ? null : { x: below(500), y: below(500) },
          place,
          TYPES,
        ),
      ),
    (doc) => perform(renameNode(doc, TYPES, nodeIn(doc), pick(NAMES) ?? "", next() < 0.8 ? names : null)),
    (doc) => perform(setId(doc, nodeIn(doc), pick(["load", "raw", "order", "a_1", "Bad"]) ?? "x", TYPES)),
    (doc) => perform(moveNodes(doc, new Map(some(doc).map((id) => [id, { x: below(2000), y: below(2000) }])))),
    (doc) => perform(nudge(doc, some(doc), 8 * (below(3) - 1), 8, place)),
    (doc) => perform(align(doc, some(doc), pick(["left", "top", "across", "middle"] as const) ?? "left", place)),
    (doc) =>
      store.edit(
        { kind: "set", node: nodeIn(doc), path: ["policy", "retries"], value: pick([undefined, 0, 2]) },
        { label: "retries", mergeKey: "retries" },
      ),
    () =>
      store.edit(
        { kind: "workflow", path: ["settings", "priority"], value: pick([undefined, 1, 9]) },
        { label: "priority" },
      ),
  ];
  const careless: readonly ((doc: Doc) => boolean)[] = [
    (doc) =>
      store.edit(
        { kind: "set", node: nodeIn(doc), path: pick(PATHS) ?? ["name"], value: pick(VALUES) },
        { label: "set", ...(next() < 0.5 ? { mergeKey: "set" } : {}) },
      ),
    (doc) =>
      store.edit(
        {
          kind: "set_edge",
          edge: edgeIn(doc),
          field: next() < 0.5 ? "source_port" : "target_port",
          value: pick([undefined, "true", "load", "Bad", ""]),
        },
        { label: "port" },
      ),
    () =>
      store.edit(
        {
          kind: "workflow",
          path: pick([["settings", "timeout"], ["inputs"], ["inputs", "properties", "month"], ["schema"], ["odd"]]) ?? [
            "odd",
          ],
          value: pick(VALUES),
        },
        { label: "workflow" },
      ),
    (doc) =>
      store.edit(
        {
          kind: "patch",
          operations: [
            {
              op: pick(["add", "replace", "remove"]) ?? "add",
              path: `/nodes/${below(doc.nodes.length + 1)}${pick(["", "/config", "/id", "/name", "/position/x"]) ?? ""}`,
              value: pick(VALUES) ?? "x",
            },
          ],
        },
        { label: "patch" },
      ),
    (doc) =>
      perform(
        paste(
          doc,
          pick([
            '{"type": "nothing", "id": "load", "config": 3}',
            '{"nodes": [{"id": "a", "type": "noop"}, {"id": "a", "type": "noop"}], "edges": [{"source": "a", "target": "a"}]}',
          ]) ?? "",
          null,
          place,
          TYPES,
        ),
      ),
  ];
  return {
    edit() {
      const { doc } = store;
      if (doc.nodes.length > NODES_MAX)
        return perform(
          removeSelection(
            doc,
            { nodes: new Set(doc.nodes.slice(0, NODES_MAX / 2).map((node) => node.id)), edges: new Set() },
            TYPES,
          ),
        );
      const kinds = !careful && next() < 0.35 ? careless : verbs;
      return pick(kinds)?.(doc) ?? false;
    },
  };
}
