/** The keys of finding, whose part comes when a field of code is first gone into. */

import { type Extension, StateEffect, StateField } from "@codemirror/state";
import { EditorView, keymap } from "@codemirror/view";
import { toast } from "../../behaviours/toast";
import { loadOnce } from "../../load-once";
import { gettext } from "../../words/i18n";
import type { Finding } from "./find";

const load = loadOnce(() => import("./find"));

const there = StateEffect.define<null>();
const isThere = StateField.define({
  create: () => false,
  update: (value, { effects }) => value || effects.some((effect) => effect.is(there)),
});

function run(name: Finding): (view: EditorView) => boolean {
  return (view) => {
    load().then(
      ({ commands, finder }) => {
        if (!view.state.field(isThere))
          view.dispatch({ effects: [there.of(null), StateEffect.appendConfig.of(finder())] });
        commands[name](view);
      },
      () => toast(gettext("A part of the page could not be loaded. Load it again."), "error"),
    );
    return true;
  };
}

export function findWhenAsked(): Extension {
  const again = { run: run("next"), shift: run("previous"), scope: "editor search-panel", preventDefault: true };
  return [
    isThere,
    // Before a key is pressed, so that what is typed behind it goes into the panel.
    EditorView.domEventHandlers({ focus: () => void load() }),
    keymap.of([
      { key: "Mod-f", run: run("open"), scope: "editor search-panel" },
      { key: "F3", ...again },
      { key: "Mod-g", ...again },
      { key: "Mod-d", run: run("more"), preventDefault: true },
    ]),
  ];
}
