/** The frame of the inspector. It loads the panel's script separately; a request to focus a field that comes before the
 * script waits for it.
 */

import type { Path } from "../../document/changes";
import { loadFailure } from "../../behaviours/load-failure";
import { one } from "../../dom";
import { gettext } from "../../words/i18n";
import type { Editing, Inspector } from "../parts";
import type { FocusRequest, FocusRequests } from "./focus-requests";

export function mountInspector(root: HTMLElement, editing: Editing): Inspector {
  const host = one("[data-inspector]", root);
  let focusRequests: FocusRequests | null = null;
  let waiting: FocusRequest | null = null;
  /** The focused element when the focus was requested for the panel, which was still loading. */
  let before: Element | null = null;
  if (host) start(host);

  function start(panel: HTMLElement): void {
    import("./view").then(
      ({ start: begin }) => {
        panel.replaceChildren();
        focusRequests = begin(panel, editing);
        if (waiting) focusRequests.request(waiting);
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
    if (host && !focusRequests) before = document.activeElement;
    one(
      ".pbody :is(input, select, textarea, button, [contenteditable='true'], summary):not([tabindex='-1'])",
      host ?? root,
    )?.focus();
  }

  const ask = (path: Path, line: number | null): void => {
    if (focusRequests) focusRequests.request({ path, line });
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
