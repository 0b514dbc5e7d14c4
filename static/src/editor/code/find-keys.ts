/** The keys of the search panel. Its code is loaded when a code field first gets the focus. */

import { type Extension, StateEffect, StateField } from "@codemirror/state";
import { EditorView, keymap } from "@codemirror/view";
import { toast } from "../../behaviours/toast";
import { loadOnce } from "../../load-once";
import { gettext } from "../../words/i18n";
import type { Finding } from "./find";

const load = loadOnce(() => import("./find"));

const loaded = StateEffect.define<null>();
const isLoaded = StateField.define({
  create: () => false,
  update: (value, { effects }) => value || effects.some((effect) => effect.is(loaded)),
});

function run(name: Finding): (view: EditorView) => boolean {
  return (view) => {
    load().then(
      ({ commands, finder }) => {
        if (!view.state.field(isLoaded))
          view.dispatch({ effects: [loaded.of(null), StateEffect.appendConfig.of(finder())] });
        commands[name](view);
      },
      () => toast(gettext("Part of the page could not be loaded. Reload the page."), "error"),
    );
    return true;
  };
}

export function findWhenAsked(): Extension {
  const again = { run: run("next"), shift: run("previous"), scope: "editor search-panel", preventDefault: true };
  return [
    isLoaded,
    // Load before a key is pressed, so that text typed right after Ctrl F goes into the panel.
    EditorView.domEventHandlers({ focus: () => void load() }),
    keymap.of([
      { key: "Mod-f", run: run("open"), scope: "editor search-panel" },
      { key: "F3", ...again },
      { key: "Mod-g", ...again },
      { key: "Mod-d", run: run("more"), preventDefault: true },
    ]),
  ];
}
