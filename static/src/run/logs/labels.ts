/** Texts around the lines of a log. */

import { one, setAttribute, setHidden, setText } from "../../dom";
import { fill, gettext, ngettext } from "../../words/i18n";
import { count, RUN_ENDED, visible } from "../../words/words";
import type { RunStore } from "../store";
import type { LogQuery } from "./search";

/** Shows the node whose lines are shown, the link to download them, and the parts that belong to a search. */
export function showLabels(root: ParentNode, store: RunStore, { node, text }: LogQuery): void {
  const button = one("[data-log-node]", root);
  setHidden(button, !node);
  setText(one("span", button ?? root), visible(store.nodes.get(node)?.name ?? node));
  setAttribute(button, "title", gettext("Show lines of all nodes"));
  const link = one("[data-log-download]", root);
  const label = node ? gettext("Download this node's log as text") : gettext("Download the run's log as text");
  setAttribute(link, "href", `/runs/${store.id}/logs/download/${node ? `?node=${encodeURIComponent(node)}` : ""}`);
  setAttribute(link, "title", label);
  setAttribute(link, "aria-label", label);
  for (const part of ["[data-log-found]", "[data-log-prev]", "[data-log-next]", "[data-log-only]"])
    setHidden(one(part, root), !text);
  setHidden(one("[data-log-hint]", root), true);
}

/** Shows the number of new lines below the visible ones. */
export function showUnread(root: ParentNode, unread: number): void {
  const chip = one("[data-log-new]", root);
  setHidden(chip, !unread);
  if (unread)
    setText(one("span", chip ?? root), fill(ngettext("{n} new line", "{n} new lines", unread), { n: count(unread) }));
}

/** The text in place of lines. */
export function emptyText(store: RunStore, { node, level }: LogQuery, matchesOnly: boolean): string {
  if (level || matchesOnly) return gettext("No matching lines.");
  if (node) return gettext("No log lines from this node.");
  return RUN_ENDED.has(store.run?.state ?? "")
    ? gettext("No log lines.")
    : gettext("No log lines yet. Lines appear here as nodes write them.");
}
