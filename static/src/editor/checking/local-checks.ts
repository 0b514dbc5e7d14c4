/** Finds problems in the browser at once, and merges them with the last answer of the server. Pure.
 *
 * Codes and sentences equal the server's, so its answer, which comes a moment later, changes no text. A problem that only
 * the server finds is shown until its next answer, but without its fix if that could apply to another place by then.
 */

import { isEqual, isObject, type Json } from "../../json";
import type { NodeType } from "../../document/node-type";

import { configOf, type Doc, type DocNode, indexOf, nodeOf, onlyOrders, typeOf } from "../../document/document";
import type { Operation } from "../../document/patch";
import { fill, gettext } from "../../words/i18n";

import { problemField, type Problem } from "../../document/problems";

type Types = ReadonlyMap<string, NodeType>;

/** The problems that the server found, and the document they are about. */
export interface Answer {
  readonly doc: Doc;
  readonly problems: readonly Problem[];
}

interface LocalProblem {
  readonly field: string;
  readonly code: string;
  readonly message: string;
}

const LOCAL_CODES: ReadonlySet<string> = new Set([
  "no_nodes",
  "no_input",
  "unknown_node_type",
  "missing_field",
  "wrong_value",
]);

const known = new WeakMap<DocNode, readonly LocalProblem[]>();

/** Returns what is missing in a node by its type's schema, cached by the node, which never changes. */
function nodeProblems(node: DocNode, types: Types): readonly LocalProblem[] {
  let found = known.get(node);
  if (!found) known.set(node, (found = checkNode(node, types)));
  return found;
}

function checkNode(node: DocNode, types: Types): readonly LocalProblem[] {
  const name = typeOf(node);
  const type = types.get(name);
  if (!type) {
    if (!name)
      return [
        {
          field: "type",
          code: "missing_field",
          message: gettext("Choose a node type."),
        },
      ];
    // The server adds what was probably meant.
    return [
      {
        field: "type",
        code: "unknown_node_type",
        message: fill(gettext('There is no node type "{type}".'), { type: name }),
      },
    ];
  }
  const config = configOf(node);
  const required = Array.isArray(type.config["required"]) ? type.config["required"] : [];
  const properties = isObject(type.config["properties"]) ? type.config["properties"] : {};
  const found: LocalProblem[] = [];
  for (const field of required) {
    if (typeof field !== "string") continue;
    const schema = isObject(properties[field]) ? properties[field] : {};
    const title = typeof schema["title"] === "string" ? schema["title"] : field;
    const prompt = typeof schema["x-missing"] === "string" ? schema["x-missing"] : null;
    if (!(field in config))
      found.push({
        field: `config.${field}`,
        code: "missing_field",
        message: prompt ?? fill(gettext("{field} is required."), { field: title }),
      });
    else if (config[field] === "" && schema["minLength"] === 1)
      found.push({
        field: `config.${field}`,
        code: "wrong_value",
        message: prompt ?? fill(gettext("{field} must not be empty."), { field: title }),
      });
  }
  return found;
}

export function localProblems(doc: Doc, types: Types): Problem[] {
  const found: Problem[] = [];
  if (!doc.nodes.length) return [problem(null, "nodes", "no_nodes", gettext("Add at least one node."))];
  let reached: Set<string> | null = null;
  doc.nodes.forEach((node, at) => {
    for (const one of nodeProblems(node, types))
      found.push(problem(node.id, `nodes[${at}].${one.field}`, one.code, one.message));
    const type = types.get(typeOf(node));
    if (!type?.needs_input) return;
    reached ??= new Set(doc.edges.flatMap((edge) => (onlyOrders(edge) ? [] : [edge.target])));
    // As on the server, inputs are not checked while the config is invalid.
    if (reached.has(node.id) || nodeProblems(node, types).length) return;
    found.push(
      problem(
        node.id,
        `nodes[${at}]`,
        "no_input",
        fill(gettext("Connect an input: {kind} needs the output of another node."), { kind: type.name }),
      ),
    );
  });
  return found;
}

function problem(node: string | null, path: string, code: string, message: string): Problem {
  return { node, path, code, message, severity: "error", line: null, span: null, fix: null };
}

const keyOf = (one: Problem): string => `${one.node ?? ""} ${one.path} ${one.code}`;

/** Returns the server's problems that may still exist in `doc`, and those that the browser finds now. */
export function mergeProblems(answer: Answer | null, doc: Doc, types: Types): Problem[] {
  const now = new Map(localProblems(doc, types).map((one) => [keyOf(one), one]));
  const list: Problem[] = [];
  for (const one of answer?.problems ?? []) {
    const moved = answer && answer.doc !== doc ? moveProblem(one, answer.doc, doc) : one;
    if (!moved) continue;
    const key = keyOf(moved);
    if (now.delete(key)) list.push(moved);
    else if (!(answer && answer.doc !== doc && isFoundLocally(one, answer.doc))) list.push(moved);
  }
  return [...list, ...now.values()];
}

/** Returns whether `localProblems` also finds it in the document in which the server found it. */
function isFoundLocally(one: Problem, doc: Doc): boolean {
  if (!LOCAL_CODES.has(one.code)) return false;
  if (one.code === "missing_field") return /^nodes\[\d+\]\.(type|config\.\w+)$/.test(one.path);
  if (one.code !== "wrong_value") return true;
  const node = one.node === null ? undefined : nodeOf(doc, one.node);
  const [config, field, ...deeper] = problemField(one);
  return node !== undefined && config === "config" && !deeper.length && configOf(node)[field ?? ""] === "";
}

const NODE = /^nodes\[(\d+)\]/;

/** Moves a problem of one document to a later one; null: its node is gone. */
function moveProblem(one: Problem, before: Doc, doc: Doc): Problem | null {
  const fix = one.fix?.changes.every((change) => isUntouched(change, before, doc)) ? one.fix : null;
  const place = NODE.exec(one.path);
  const owner = place ? before.nodes[Number(place[1])] : one.node === null ? undefined : nodeOf(before, one.node);
  if (!owner) return fix === one.fix ? one : { ...one, fix };
  const at = indexOf(doc).get(owner.id);
  if (at === undefined) return null;
  if (!place || Number(place[1]) === at) return fix === one.fix ? one : { ...one, fix };
  return { ...one, path: one.path.replace(NODE, `nodes[${at}]`), fix: null };
}

/** Returns whether the target of an operation is unchanged and at the same place in both documents. */
function isUntouched({ path }: Operation, before: Doc, doc: Doc): boolean {
  const [part = "", index = ""] = path.split("/").slice(1);
  if (part === "nodes" && /^\d+$/.test(index)) return before.nodes[Number(index)] === doc.nodes[Number(index)];
  return before[part] === doc[part];
}

/** Returns whether only positions differ, which are not checked. */
export function onlyMoved(before: Doc, after: Doc): boolean {
  if (before === after) return true;
  if (before.nodes.length !== after.nodes.length) return false;
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)]))
    if (key !== "nodes" && before[key] !== after[key]) return false;
  return before.nodes.every((node, at) => {
    const other = after.nodes[at];
    if (node === other) return true;
    if (!other) return false;
    const keys = new Set([...Object.keys(node), ...Object.keys(other)]);
    for (const key of keys) if (key !== "position" && node[key] !== other[key]) return false;
    return true;
  });
}

export function sameProblems(one: readonly Problem[], other: readonly Problem[]): boolean {
  return one === other || (one.length === other.length && one.every((problem, at) => isSame(problem, other[at])));
}

function isSame(one: Problem, other: Problem | undefined): boolean {
  return (
    one === other ||
    (!!other &&
      keyOf(one) === keyOf(other) &&
      one.message === other.message &&
      one.line === other.line &&
      isEqual(one.span as Json, other.span as Json) &&
      one.severity === other.severity &&
      isEqual(one.fix as Json, other.fix as Json))
  );
}
