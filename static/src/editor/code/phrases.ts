/** Translations of CodeMirror's own texts. */

import { EditorState, type Extension } from "@codemirror/state";
import { gettext } from "../../words/i18n";

export const phrases = (): Extension =>
  EditorState.phrases.of({
    "Control character": gettext("Control character"),
    "Selection deleted": gettext("Selection deleted"),
    Completions: gettext("Completions"),
    "current match": gettext("Current match"),
    "on line": gettext("on line"),
    "replaced match on line $": gettext("Replaced the match on line $"),
    "replaced $ matches": gettext("Replaced $ matches"),
  });
