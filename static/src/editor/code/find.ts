/** The search panel of a code field (Ctrl F), with a second row to replace. */

import {
  closeSearchPanel,
  findNext,
  findPrevious,
  getSearchQuery,
  openSearchPanel,
  replaceAll,
  replaceNext,
  search,
  SearchQuery,
  selectNextOccurrence,
  setSearchQuery,
} from "@codemirror/search";
import type { Extension } from "@codemirror/state";
import { type EditorView, keymap, type Panel, runScopeHandlers, type ViewUpdate } from "@codemirror/view";
import { element, icon, setHidden, setText } from "../../dom";
import { fill, gettext } from "../../words/i18n";

/** The most matches that are counted, and the longest text in which they are. */
const COUNTED_MAX = 999;
const LENGTH_MAX = 300_000;

function button(label: string, face: Node | string, run: () => void): HTMLButtonElement {
  const made = element("button", "", face);
  made.type = "button";
  made.setAttribute("aria-label", label);
  made.title = label;
  made.addEventListener("click", run);
  return made;
}

function field(label: string, changed: () => void): HTMLInputElement {
  const made = element("input", "in");
  made.type = "text";
  made.setAttribute("aria-label", label);
  made.placeholder = label;
  made.spellcheck = false;
  made.addEventListener("input", changed);
  return made;
}

class Finder implements Panel {
  readonly dom: HTMLElement;
  readonly top = true;
  private readonly what: HTMLInputElement;
  private readonly other: HTMLInputElement;
  private readonly cases: HTMLButtonElement;
  private readonly pattern: HTMLButtonElement;
  private readonly count = element("span", "cm-find-count");
  private readonly second: HTMLElement;
  private query: SearchQuery;

  constructor(private readonly view: EditorView) {
    this.query = getSearchQuery(view.state);
    const changed = (): void => this.commit();
    this.what = field(gettext("Find"), changed);
    this.what.setAttribute("main-field", "true");
    this.other = field(gettext("Replace with"), changed);
    this.cases = this.toggle(gettext("Match case"), "Aa");
    this.pattern = this.toggle(gettext("Pattern"), ".*");
    this.count.setAttribute("role", "status");
    const more = button(gettext("Replace"), icon("retry", true), () => {
      setHidden(this.second, !this.second.hidden);
      more.setAttribute("aria-expanded", String(!this.second.hidden));
      if (!this.second.hidden) this.other.focus();
      view.requestMeasure();
    });
    more.setAttribute("aria-expanded", "false");
    const again = (run: (view: EditorView) => boolean) => (): void => void run(view);
    const up = button(gettext("Previous"), icon("chev", true), again(findPrevious));
    up.classList.add("step", "up");
    const down = button(gettext("Next"), icon("chev", true), again(findNext));
    down.classList.add("step");
    const first = element("div", "cm-find-row", this.what, this.count, this.cases, this.pattern, up, down);
    if (!view.state.readOnly) first.append(more);
    first.append(button(gettext("Close"), "×", again(closeSearchPanel)));
    const replace = element("button", "", gettext("Replace"));
    const all = element("button", "", gettext("All"));
    for (const [made, run] of [
      [replace, replaceNext],
      [all, replaceAll],
    ] as const) {
      made.type = "button";
      made.classList.add("wide");
      made.addEventListener("click", again(run));
    }
    this.second = element("div", "cm-find-row", this.other, replace, all);
    this.second.hidden = true;
    this.dom = element("div", "cm-find", first, this.second);
    // Undo in this field is the browser's.
    this.dom.dataset["ownUndo"] = "";
    this.dom.addEventListener("keydown", (event) => this.key(event));
    this.show(this.query);
  }

  private toggle(label: string, face: string): HTMLButtonElement {
    const made = button(label, face, () => {
      made.setAttribute("aria-pressed", String(made.getAttribute("aria-pressed") !== "true"));
      this.commit();
    });
    made.setAttribute("aria-pressed", "false");
    return made;
  }

  private key(event: KeyboardEvent): void {
    if (runScopeHandlers(this.view, event, "search-panel")) event.preventDefault();
    else if (event.key === "Enter" && event.target === this.what) {
      event.preventDefault();
      (event.shiftKey ? findPrevious : findNext)(this.view);
    } else if (event.key === "Enter" && event.target === this.other) {
      event.preventDefault();
      replaceNext(this.view);
    }
  }

  private commit(): void {
    const pressed = (made: HTMLElement): boolean => made.getAttribute("aria-pressed") === "true";
    const query = new SearchQuery({
      search: this.what.value,
      replace: this.other.value,
      caseSensitive: pressed(this.cases),
      regexp: pressed(this.pattern),
      literal: !pressed(this.pattern),
    });
    if (query.eq(this.query)) return;
    this.query = query;
    this.view.dispatch({ effects: setSearchQuery.of(query) });
    this.counted();
  }

  private show(query: SearchQuery): void {
    this.query = query;
    this.what.value = query.search;
    this.other.value = query.replace;
    this.cases.setAttribute("aria-pressed", String(query.caseSensitive));
    this.pattern.setAttribute("aria-pressed", String(query.regexp));
    this.counted();
  }

  private counted(): void {
    const { state } = this.view;
    this.what.removeAttribute("aria-invalid");
    if (!this.query.search || state.doc.length > LENGTH_MAX) return setText(this.count, "");
    if (!this.query.valid) {
      this.what.setAttribute("aria-invalid", "true");
      return setText(this.count, gettext("No pattern"));
    }
    let all = 0;
    let here = 0;
    const { main } = state.selection;
    const cursor = this.query.getCursor(state);
    for (let next = cursor.next(); !next.done && all <= COUNTED_MAX; next = cursor.next()) {
      all += 1;
      if (next.value.from === main.from && next.value.to === main.to) here = all;
    }
    const shown = all > COUNTED_MAX ? `${COUNTED_MAX}+` : String(all);
    setText(
      this.count,
      all === 0 ? gettext("None") : here ? fill(gettext("{n} of {all}"), { n: here, all: shown }) : shown,
    );
  }

  mount(): void {
    this.what.select();
  }

  update(update: ViewUpdate): void {
    for (const transaction of update.transactions)
      for (const effect of transaction.effects)
        if (effect.is(setSearchQuery) && !effect.value.eq(this.query)) this.show(effect.value);
    if (update.docChanged || update.selectionSet) this.counted();
  }
}

export const commands = { open: openSearchPanel, next: findNext, previous: findPrevious, more: selectNextOccurrence };
export type Finding = keyof typeof commands;

export function finder(): Extension {
  return [
    search({ top: true, literal: true, createPanel: (view) => new Finder(view) }),
    keymap.of([{ key: "Escape", run: closeSearchPanel, scope: "editor search-panel" }]),
  ];
}
