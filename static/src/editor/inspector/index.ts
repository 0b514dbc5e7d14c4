/** What the chosen node is: its form, limits, retries and notes. The panel is filled as soon as its own part of the
 * script is there; what is asked of it before waits until then.
 */

import type { Path } from "../../document/changes";
import { loadFailure } from "../../behaviours/load-failure";
import { one } from "../../dom";
import { gettext } from "../../words/i18n";
import type { Editing, Inspector } from "../parts";

interface Wishing {
  ask(wish: { path: Path; line: number | null }): void;
}

export function mountInspector(root: HTMLElement, editing: Editing): Inspector {
  const host = one("[data-inspector]", root);
  let wishes: Wishing | null = null;
  let waiting: { path: Path; line: number | null } | null = null;
  /** What has the keyboard while the panel, which is to have it, is on its way. */
  let before: Element | null = null;
  if (host) start(host);

  function start(panel: HTMLElement): void {
    import("./view").then(
      ({ start: begin }) => {
        panel.replaceChildren();
        wishes = begin(panel, editing);
        if (waiting) wishes.ask(waiting);
        waiting = null;
        panel.dataset["shown"] = "";
        if (before && before === document.activeElement) focus();
        before = null;
      },
      () => {
        panel.replaceChildren(loadFailure(gettext("The inspector could not be loaded"), "", () => start(panel)));
      },
    );
  }

  function focus(): void {
    if (host && !wishes) before = document.activeElement;
    one(
      ".pbody :is(input, select, textarea, button, [contenteditable='true'], summary):not([tabindex='-1'])",
      host ?? root,
    )?.focus();
  }

  const ask = (path: Path, line: number | null): void => {
    if (wishes) wishes.ask({ path, line });
    else waiting = { path, line };
  };
  return {
    open(node, field = [], line = null) {
      editing.store.select([node]);
      if (field.length) ask(field, line);
      else focus();
    },
    openWorkflow(field = []) {
      editing.store.select([]);
      if (field.length) ask(field, null);
      else focus();
    },
    focus,
  };
}
