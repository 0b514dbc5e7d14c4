/** Collapses the palette and the inspector by buttons, and remembers it. */

import { savePreference, readPreference } from "../behaviours/preferences";
import { one, setAttribute } from "../dom";
import { gettext } from "../words/i18n";
import type { Inspector } from "./parts";

type Side = "pal" | "side";

export interface Folds {
  /** Whether the page has one column, in which nothing collapses. */
  readonly narrow: boolean;
  folded(side: Side): boolean;
  set(side: Side, folded: boolean): void;
  /** Updates the buttons; also needed after one is added. */
  show(): void;
}

const KEYS: Readonly<Record<Side, string>> = { pal: "interlock.edit.palette", side: "interlock.edit.inspector" };

export function startFolds(root: HTMLElement): Folds {
  const narrow = window.matchMedia("(max-width: 900px)");
  /** On such a page the palette is collapsed by default. */
  const tight = window.matchMedia("(max-width: 1040px)");
  const saved: Record<Side, string> = { pal: readPreference(KEYS.pal), side: readPreference(KEYS.side) };
  const folded = (side: Side): boolean =>
    !narrow.matches && (saved[side] ? saved[side] === "folded" : side === "pal" && tight.matches);

  const show = (): void => {
    for (const side of ["pal", "side"] as const) {
      const away = folded(side);
      root.dataset[side] = away ? "folded" : "open";
      const button = one(`[data-fold="${side}"]`, root);
      setAttribute(button, "aria-expanded", String(!away));
      if (button) button.title = words(side, away);
    }
  };
  const set = (side: Side, away: boolean): void => {
    if (folded(side) === away) return;
    saved[side] = away ? "folded" : "open";
    savePreference(KEYS[side], saved[side]);
    show();
  };
  root.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-fold]") : null;
    const side = button?.dataset["fold"];
    if (side === "pal" || side === "side") set(side, !folded(side));
  });
  tight.addEventListener("change", show);
  narrow.addEventListener("change", show);
  show();
  return {
    get narrow() {
      return narrow.matches;
    },
    folded,
    set,
    show,
  };
}

/** Wraps the inspector, so that it is expanded when another part uses it. */
export function showWhenUsed(root: HTMLElement, inspector: Inspector): Inspector {
  const shown = (): void => {
    if (root.dataset["side"] === "folded") one('[data-fold="side"]', root)?.click();
  };
  return {
    open: (node, field, line) => {
      shown();
      inspector.open(node, field, line);
    },
    openWorkflow: (field) => {
      shown();
      inspector.openWorkflow(field);
    },
    focus: () => {
      shown();
      inspector.focus();
    },
  };
}

function words(side: Side, away: boolean): string {
  if (side === "pal") return away ? gettext("Expand the node types") : gettext("Collapse the node types");
  return away ? gettext("Expand the inspector") : gettext("Collapse the inspector");
}
