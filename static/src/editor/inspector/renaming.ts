/** Renames nodes, node ids and ports, and updates everything that refers to them. */

import { type DocEdge, edgeKey, nodeOf, sourcePort, targetPort } from "../../document/document";
import { inputsInto } from "../../document/ports";
import { renameInput, setConfig } from "../../document/references/references";
import { fill, gettext } from "../../words/i18n";
import { visible } from "../../words/words";
import type { Editing } from "../parts";
import { performVerb, showRefusal } from "../../document/perform";
import { renameNode, setId } from "../../document/naming-verbs";

export function renamed(editing: Editing, id: string, name: string): void {
  const { store, facts, published } = editing;
  // The field writes its text when its node was removed, too: then there is nothing to rename.
  if (!nodeOf(store.doc, id)) return;
  store.endMerging();
  performVerb(editing, renameNode(store.doc, facts.types, id, name, published.ids));
  store.endMerging();
}

export function withId(editing: Editing, id: string, next: string): void {
  if (!nodeOf(editing.store.doc, id)) return;
  editing.store.endMerging();
  performVerb(editing, setId(editing.store.doc, id, next, editing.facts.types));
  editing.store.endMerging();
}

const NAME = /^[a-z][a-z0-9_]{0,62}$/;

/** Renames an input port, and updates the node's code where it can be parsed. */
export function renamedPort(editing: Editing, edge: DocEdge, given: string): void {
  const { store, facts } = editing;
  const from = targetPort(edge);
  const to = given || edge.source;
  if (to === from || !inputsInto(store.doc, edge.target).includes(edge)) return;
  if (!NAME.test(to))
    return showRefusal(gettext("Use up to 63 lowercase letters, digits and _, starting with a letter."));
  const node = nodeOf(store.doc, edge.target);
  const others = inputsInto(store.doc, edge.target).filter((one) => one !== edge);
  if (others.some((one) => targetPort(one) === to && one.source !== edge.source))
    return showRefusal(fill(gettext("Another input is already named {name}."), { name: to }));
  // The code keeps the old name when another edge uses it, too.
  const config =
    node && !others.some((one) => targetPort(one) === from) ? renameInput(node, from, to, facts.types) : null;
  store.endMerging();
  store.edit(
    [
      { kind: "set_edge", edge: edgeKey(edge), field: "target_port", value: to === edge.source ? undefined : to },
      ...(node && config && config !== node["config"] ? [setConfig(node.id, config)] : []),
    ],
    {
      label: fill(gettext("Rename port {port}"), { port: visible(from) }),
    },
  );
  store.endMerging();
}

export function fromPort(editing: Editing, edge: DocEdge, port: string): void {
  const { store } = editing;
  store.endMerging();
  store.edit(
    { kind: "set_edge", edge: edgeKey(edge), field: "source_port", value: port === "out" ? undefined : port },
    { label: fill(gettext("Use port {port}"), { port: visible(port || sourcePort(edge)) }) },
  );
  store.endMerging();
}
