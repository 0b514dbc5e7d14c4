/** Opens the editor at a node and a line of its code: `?node=load&line=3`, the link of a failed node. */

import { toast } from "../behaviours/toast";
import { nodeOf, typeOf } from "../document/document";
import { gettext } from "../words/i18n";
import type { Editing } from "./parts";

export function openAtNode({ facts, store, canvas, inspector }: Editing): void {
  const wanted = new URLSearchParams(location.search);
  const id = wanted.get("node");
  if (id === null) return;
  // Reloading shows the draft as it then is.
  history.replaceState(history.state, "", location.pathname);
  const node = nodeOf(store.doc, id);
  if (!node) {
    toast(gettext("Your draft no longer has this node."));
    return;
  }
  store.select([id]);
  canvas.reveal([id]);
  const field = facts.types.get(typeOf(node))?.code?.field;
  const line = Number(wanted.get("line") ?? Number.NaN);
  inspector.open(id, field === undefined ? [] : ["config", field], Number.isInteger(line) && line > 0 ? line : null);
}
