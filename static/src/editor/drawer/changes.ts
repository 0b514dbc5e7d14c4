/** The drawer's tab of changes since the live version: each is a sentence that selects its nodes, with a button to revert
 * it. */

import { asText, type Json } from "../../json";
import type { NodeType } from "../../document/node-type";
import { element, icon } from "../../dom";
import type { Change } from "../../document/changes";
import { type DocumentChange, valueAt } from "../../document/diff";
import { type Doc, type DocNode, edgeKey, indexOf, nameOf, onlyOrders, positionOf } from "../../document/document";
import { pathBetween } from "../../document/reach";

import { fill, gettext, ngettext } from "../../words/i18n";
import { count, visible } from "../../words/words";
import { detailOf } from "./change-detail";
import { fieldName, nameIn } from "./field-names";
import type { Editing } from "../parts";
import { performVerb } from "../../document/perform";
import type { VerbResult } from "../../document/verb";

const SHOWN_MAX = 200;
const FIELDS_MAX = 5;

type Types = ReadonlyMap<string, NodeType>;

/** Returns a change as a sentence, for example "Delays by wind: SQL changed". */
export function sentenceOf(change: DocumentChange, doc: Doc, types: Types): string {
  const called = (node: DocNode): string => visible(nameOf(node));
  switch (change.kind) {
    case "added":
      return fill(gettext("{name} added"), { name: called(change.node) });
    case "removed":
      return fill(gettext("{name} removed"), { name: called(change.node) });
    case "changed": {
      const type = types.get(asText(change.node["type"]));
      const names = change.fields.map((path) => fieldName(path, type));
      const fields = names.slice(0, FIELDS_MAX).join(", ") + (names.length > FIELDS_MAX ? " …" : "");
      return fill(gettext("{name}: {fields} changed"), { name: called(change.node), fields });
    }
    case "moved":
      return change.nodes.length === 1 && change.nodes[0]
        ? fill(gettext("{name} moved"), { name: called(change.nodes[0]) })
        : fill(ngettext("{n} node moved", "{n} nodes moved", change.nodes.length), { n: count(change.nodes.length) });
    case "connected":
      return fill(gettext("{source} → {target} connected"), ends(change, doc));
    case "disconnected":
      return fill(gettext("{source} → {target} disconnected"), ends(change, doc));
    case "reordered":
      return fill(
        onlyOrders(change.edge)
          ? gettext("{source} → {target} only orders now")
          : gettext("{source} → {target} hands its value on now"),
        ends(change, doc),
      );
    case "workflow":
      return workflowSentence(change);
  }
}

const ends = (
  { edge }: { readonly edge: { readonly source: string; readonly target: string } },
  doc: Doc,
): { source: string; target: string } => ({ source: nameIn(doc, edge.source), target: nameIn(doc, edge.target) });

function workflowSentence({ path, was, now }: Extract<DocumentChange, { kind: "workflow" }>): string {
  if (path[0] === "inputs") {
    const name = visible(path.length > 2 ? String(path[2]) : gettext("as a whole"));
    if (path.length > 2 && was === undefined) return fill(gettext("Input {name} added"), { name });
    if (path.length > 2 && now === undefined) return fill(gettext("Input {name} removed"), { name });
    return path.length > 2
      ? fill(gettext("Input {name} changed"), { name })
      : gettext("Inputs of the workflow changed");
  }
  return fill(gettext("Workflow: {field} changed"), { field: fieldName(path, undefined) });
}

/** Returns the edit that reverts a change. */
export function reverted(change: DocumentChange, doc: Doc, live: Doc | null, label: string): VerbResult {
  const done = (changes: Change[], select: string[] = []): VerbResult => ({
    changes,
    label,
    select: { nodes: select },
  });
  switch (change.kind) {
    case "added":
      return done([{ kind: "remove", nodes: [change.node.id], edges: [] }]);
    case "removed": {
      const { id } = change.node;
      const edges = (live?.edges ?? [])
        .filter((edge) => edge.source === id || edge.target === id)
        .filter((edge) => [edge.source, edge.target].every((end) => end === id || indexOf(doc).has(end)));
      const loops = edges.some(
        (into) =>
          into.target === id && edges.some((out) => out.source === id && pathBetween(doc, out.target, into.source)),
      );
      return done([{ kind: "add", nodes: [change.node], edges: loops ? [] : edges }], [id]);
    }
    case "changed":
      return done(
        change.fields.map((path) => ({
          kind: "set",
          node: change.node.id,
          path,
          value: valueAt(change.was as Json, path),
        })),
        [change.node.id],
      );
    case "moved":
      return done([
        {
          kind: "move",
          to: new Map(
            change.were.flatMap((node) => {
              const at = positionOf(node);
              return at ? [[node.id, at] as const] : [];
            }),
          ),
        },
        ...change.were
          .filter((node) => !positionOf(node))
          .map((node): Change => ({
            kind: "set",
            node: node.id,
            path: ["position"],
            value: node["position"],
          })),
      ]);
    case "connected":
      return done([{ kind: "remove", nodes: [], edges: [edgeKey(change.edge)] }]);
    case "disconnected": {
      const { source, target } = change.edge;
      if (pathBetween(doc, target, source))
        return {
          refused: fill(
            gettext("{source} now depends on {target}: this connection would create a cycle."),
            ends(change, doc),
          ),
        };
      return done([{ kind: "add", nodes: [], edges: [change.edge] }]);
    }
    case "reordered":
      return done([{ kind: "replace_edge", edge: edgeKey(change.edge), by: change.was }]);
    case "workflow":
      return done([{ kind: "workflow", path: change.path, value: change.was }]);
  }
}

const SIGNS: Readonly<Record<DocumentChange["kind"], string>> = {
  added: "plus",
  removed: "minus",
  changed: "dot",
  moved: "tidy",
  connected: "plus",
  disconnected: "minus",
  reordered: "dot",
  workflow: "dot",
};

export function mountChanges(host: HTMLElement, editing: Editing): { count(): number } {
  const { facts, published, store } = editing;
  let shown: readonly DocumentChange[] | null | undefined;
  const unfolded = new Set<string>();

  const show = (): void => {
    const changes = published.changes;
    // A hidden list is drawn when it is shown.
    if (host.hidden || changes === shown) return;
    shown = changes;
    if (changes === null) {
      host.replaceChildren(element("p", "dim pad", gettext("Loading the live version …")));
      return;
    }
    if (published.live === null) {
      host.replaceChildren(
        element(
          "div",
          "empty",
          element("b", "", gettext("No version is live yet")),
          element(
            "p",
            "",
            gettext(
              "The first version goes live automatically. After that, the changes in your draft are listed here.",
            ),
          ),
        ),
      );
      return;
    }
    if (!changes.length) {
      host.replaceChildren(
        element("p", "dim pad", fill(gettext("No changes: your draft matches v{n} (live)."), { n: published.live })),
      );
      return;
    }
    const list = element("ul", "changelist");
    list.setAttribute("aria-label", fill(gettext("Changes since v{n}"), { n: published.live }));
    for (const change of changes.slice(0, SHOWN_MAX)) list.append(line(change));
    const rest = changes.length - SHOWN_MAX;
    if (rest > 0)
      list.append(
        element(
          "li",
          "dim pad",
          fill(ngettext("And {n} more change.", "And {n} more changes.", rest), { n: count(rest) }),
        ),
      );
    const focused = host.contains(document.activeElement)
      ? [...host.querySelectorAll("button")].indexOf(document.activeElement as HTMLButtonElement)
      : -1;
    host.replaceChildren(list);
    // Focus the button that took the place of the focused one.
    if (focused >= 0)
      [...host.querySelectorAll("button")]
        .slice(0, focused + 1)
        .at(-1)
        ?.focus();
  };

  const line = (change: DocumentChange): HTMLElement => {
    const text = sentenceOf(change, store.doc, facts.types);
    const item = element("li", `change ${change.kind}`, icon(SIGNS[change.kind], true));
    const opens = opener(change);
    if (opens) {
      const button = element("button", "said", text);
      button.type = "button";
      button.addEventListener("click", opens);
      item.append(button);
    } else item.append(element("span", "said", text));
    const back = element("button", "btn quiet small", gettext("Revert"));
    back.type = "button";
    back.setAttribute("aria-label", fill(gettext("Revert: {change}"), { change: text }));
    back.addEventListener("click", () =>
      performVerb(
        editing,
        reverted(change, store.doc, published.liveDoc, fill(gettext("Revert: {change}"), { change: text })),
      ),
    );
    const detail = detailOf(change, facts.types);
    if (detail) item.append(unfolder(item, detail, text));
    item.append(back);
    return item;
  };

  /** The button that shows the old and the new value below the sentence. */
  const unfolder = (item: HTMLElement, detail: HTMLElement, text: string): HTMLElement => {
    const button = element("button", "btn quiet small", gettext("Show"));
    button.type = "button";
    button.title = fill(gettext("Show before and after: {change}"), { change: text });
    const turn = (open: boolean): void => {
      button.setAttribute("aria-expanded", String(open));
      button.textContent = open ? gettext("Hide") : gettext("Show");
      if (open) item.append(detail);
      else detail.remove();
    };
    button.addEventListener("click", () => {
      if (unfolded.has(text)) unfolded.delete(text);
      else unfolded.add(text);
      turn(unfolded.has(text));
    });
    // The list is also drawn again while the user edits: keep open what was open.
    queueMicrotask(() => turn(unfolded.has(text)));
    return button;
  };

  /** Returns what a click on the sentence does; null: nothing. */
  const opener = (change: DocumentChange): (() => void) | null => {
    const choose = (nodes: string[], edges: string[] = []): void => {
      store.select(nodes, edges);
      editing.canvas.reveal(nodes.length ? nodes : edges.length ? endsOf(change) : []);
    };
    switch (change.kind) {
      case "added":
        return () => choose([change.node.id]);
      case "changed":
        return () => {
          choose([change.node.id]);
          const [field] = change.fields;
          if (field && change.fields.length === 1) editing.inspector.open(change.node.id, field);
        };
      case "moved":
        return () => choose(change.nodes.map((node) => node.id));
      case "connected":
      case "reordered":
        return () => choose([], [edgeKey(change.edge)]);
      case "disconnected":
        return () => choose([change.edge.source, change.edge.target]);
      case "workflow":
        return () => editing.inspector.openWorkflow(change.path);
      case "removed":
        return null;
    }
  };
  const endsOf = (change: DocumentChange): string[] =>
    change.kind === "connected" || change.kind === "reordered" ? [change.edge.source, change.edge.target] : [];

  published.listen(show);
  // The drawer shows a tab by removing `hidden`.
  new MutationObserver(show).observe(host, { attributes: true, attributeFilter: ["hidden"] });
  show();
  return { count: () => published.changes?.length ?? 0 };
}
