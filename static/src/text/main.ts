/** The text editor of a definition: checks the text while the user types, marks the lines of problems, and saves the
 * draft.
 *
 * It saves in the same way as the graph editor and uses the same tag. Text that is not JSON cannot be saved as a draft; it
 * is stored in the browser until it is valid. One class holds saving, checking and display, because each change of the
 * text concerns all three.
 */

import { isObject, type Json, type JsonObject, isEqual } from "../json";
import { call, errorText, signedOut } from "../api/client";
import { serverNow } from "../behaviours/clock";
import { setBeforeLoad } from "../behaviours/popover";
import { toast } from "../behaviours/toast";
import { debounced, element, emptyNote, icon, one, setAttribute, setText } from "../dom";
import { differences } from "../editor/saving/conflict";
import { BrowserStorage, LocalCopies, type LocalCopy } from "../editor/saving/local-copies";
import { type Problem, readProblems } from "../document/problems";

import { initialState, isSaved, type State } from "../editor/saving/machine";
import { type Content, Saver } from "../editor/saving/saver";
import { type Notice, NoticePlace, showStatus, troubleNotice } from "../editor/saving/notice";
import { readDocument } from "../document/document";
import { applyPatch, type Operation } from "../document/patch";

import { fill, gettext, ngettext } from "../words/i18n";
import { visible } from "../words/words";
import { format } from "./format";
import { lineStarts, nearest, type Place, read } from "./positions";

type Shown = Pick<Problem, "message" | "path" | "severity" | "line" | "fix"> & { readonly place: Place | null };

const LINE = 19;
const PAD = 10;
const CHECK_MS = 300;
const AGE_MS = 5000;

/** Returns the definition in a text; null: it is no JSON object. */
function documentOf(text: string): JsonObject | null {
  if (!read(text).ok) return null;
  const value = JSON.parse(text) as Json;
  return isObject(value) ? value : null;
}

function expectedText(expected: string): string {
  switch (expected) {
    case "key":
      return gettext("Expected a field name in double quotes. Is there a comma too many before?");
    case "colon":
      return gettext("Expected a colon after the field name.");
    case "comma-object":
      return gettext("Expected a comma or the closing } here.");
    case "comma-list":
      return gettext("Expected a comma or the closing ] here.");
    case "string":
      return gettext("This text has no closing quote on its line. Write a line break inside text as \\n.");
    case "escape":
      return gettext('After \\ in text comes one of " \\ / b f n r t or u with four hex digits.');
    case "end":
      return gettext("The document ends before this. Remove what follows.");
    case "depth":
      return gettext("This nests too deeply.");
    default:
      return gettext("Expected a value: an object, a list, text in double quotes, a number, true, false or null.");
  }
}

export function startTextEditor(root: HTMLElement): void {
  const area = one<HTMLTextAreaElement>("textarea", root);
  const gutter = one("[data-gutter]", root);
  const host = one("[data-text]", root);
  const list = one("[data-problem-list]");
  if (!area || !gutter || !host || !list) return;
  const editor = new Editor(root.dataset, area, gutter, host, list);
  const first = one("#first-problems")?.textContent;
  editor.start(readProblems(first ? (JSON.parse(first) as Json) : []));
}

class Editor {
  private problems: readonly Problem[] = [];
  private shown: Shown[] = [];
  private checkedText = "";
  private checks = 0;
  private marks: HTMLElement[] = [];
  private lines = 0;
  private readonly slug: string;
  private readonly saver: Saver<string>;
  private readonly copies: LocalCopies<string>;
  private canStore = true;
  private unrestored: LocalCopy<string>[] = [];
  private readonly notices = new NoticePlace(() => this.list.parentElement);
  private readonly checkSoon = debounced(CHECK_MS, () => void this.check());

  constructor(
    data: DOMStringMap,
    private readonly area: HTMLTextAreaElement,
    private readonly gutter: HTMLElement,
    private readonly host: HTMLElement,
    private readonly list: HTMLElement,
  ) {
    this.slug = data["slug"] ?? "";
    const user = data["user"] ?? "";
    const at = data["savedAt"] ? Date.now() - (serverNow() - Date.parse(data["savedAt"])) : null;
    const content: Content<string> = {
      slug: this.slug,
      user,
      request: (_saved, text, base) => ({
        method: "PUT",
        text: JSON.stringify({ definition: JSON.parse(text) as Json, base_version: base }),
      }),
      read: (definition) => format(definition),
      same(one, other) {
        const document = documentOf(one);
        return one === other || (document !== null && isEqual(document, documentOf(other) ?? undefined));
      },
    };
    const ground = {
      tag: `"${data["saves"] ?? "0"}"`,
      base: data["base"] ? Number(data["base"]) : null,
      drafted: at !== null,
    };
    this.saver = new Saver(content, initialState(area.defaultValue, ground, at), (state, before) =>
      this.savingChanged(state, before),
    );
    const textFormat = { kind: "text", whole: (text: string) => text, step: () => null, read: (text: string) => text };
    this.copies = new LocalCopies(
      new BrowserStorage(),
      textFormat,
      user,
      this.slug,
      (can) => this.setCanStore(can),
      (tag) => this.saver.savedElsewhere(tag),
    );
  }

  start(problems: Problem[]): void {
    this.checkedText = this.area.defaultValue;
    this.problems = problems;
    this.drawLineNumbers();
    this.show();
    this.area.addEventListener("input", () => this.changed());
    this.area.addEventListener("scroll", () => this.scrolled(), { passive: true });
    this.area.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.scrolled()).observe(this.area);
    one("[data-format]")?.addEventListener("click", () => this.reformat());
    one("[data-problem-count]")?.addEventListener("click", () => this.go(this.shown[0]));
    setBeforeLoad(() => this.saver.settle());
    window.addEventListener("beforeunload", (event) => {
      // Store the text now: after the page is left, the browser may not finish writing.
      void this.copies.flush();
      const { doc, trouble, sending, blocked } = this.saver.state;
      if (this.saver.atRisk && (trouble || blocked || sending === null || !this.copies.has(doc)))
        event.preventDefault();
    });
    window.addEventListener("pagehide", () => void this.copies.flush());
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) void this.copies.flush();
    });
    document.addEventListener("keydown", (event) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s") {
        event.preventDefault();
        this.saver.save();
      }
    });
    // The graph editor loads the saved draft, so save before opening it.
    document.addEventListener("click", (event) => {
      const link =
        event.target instanceof Element ? event.target.closest<HTMLAnchorElement>("a[data-needs-saved]") : null;
      if (!link || event.ctrlKey || event.metaKey || event.shiftKey || isSaved(this.saver.state)) return;
      event.preventDefault();
      this.saver.settle().then(
        () => location.assign(link.href),
        (error: unknown) => toast(error instanceof Error ? error.message : "", "error"),
      );
    });
    window.setInterval(() => showStatus(this.saver.state, this.canStore), AGE_MS);
    this.copies.ofClosedTabs().then(
      (left) => {
        this.unrestored = left;
        this.restore();
      },
      () => this.setCanStore(false),
    );
    this.showSaving();
    // The user may have typed before this script was loaded.
    if (this.area.value !== this.area.defaultValue) this.changed();
  }

  private changed(): void {
    this.drawLineNumbers();
    this.saver.edited(this.area.value, documentOf(this.area.value) === null);
    this.checkSoon();
    this.show();
  }

  private setCanStore(can: boolean): void {
    if (can === this.canStore) return;
    this.canStore = can;
    this.showSaving();
  }

  private savingChanged(state: State<string>, before: State<string>): void {
    if (isSaved(state)) {
      if (state.ground.tag !== before.ground.tag || !isSaved(before)) this.copies.saved(state.doc, state.ground);
    } else if (state.doc !== before.doc || state.ground !== before.ground || isSaved(before))
      this.copies.keep(state.doc, state.ground);
    this.showSaving();
    if (before.trouble?.kind === "conflict" && state.trouble?.kind !== "conflict") {
      this.restore();
    }
  }

  private showSaving(): void {
    showStatus(this.saver.state, this.canStore);
    this.notices.show(this.notice());
  }

  private notice(): Notice | null {
    const { doc, trouble } = this.saver.state;
    if (trouble?.kind !== "conflict")
      return troubleNotice(this.saver.state, this.canStore, one("[data-text-editor]")?.dataset["user"] ?? "", () =>
        this.saver.save(),
      );
    const [mine, theirs] = [documentOf(doc), documentOf(trouble.theirs)].map((found) =>
      found ? readDocument(found) : null,
    );
    return {
      kind: "conflict",
      title: trouble.kept
        ? gettext("Unsaved changes restored from this browser")
        : gettext("Your draft was saved from another tab"),
      text: gettext("Nothing was overwritten. Your text stays as it is until you choose; you can undo the choice."),
      lines: mine && theirs ? differences(mine, theirs).lines : [],
      actions: [
        { label: gettext("Keep mine"), run: () => this.saver.mine(), primary: true },
        {
          label: gettext("Use the other tab's version"),
          run: () => {
            this.replace(trouble.theirs);
            this.saver.theirs(this.area.value);
          },
        },
      ],
    };
  }

  /** Restores text that was not saved when its page was left. */
  private restore(): void {
    const copy = this.unrestored.shift();
    if (!copy) return;
    const { doc, trouble, ground } = this.saver.state;
    if (copy.doc === doc) {
      void this.copies.remove(copy.tab);
      this.restore();
      return;
    }
    if (trouble?.kind === "conflict") {
      this.unrestored.unshift(copy);
      return;
    }
    const fits =
      isSaved(this.saver.state) &&
      copy.ground.tag === ground.tag &&
      copy.ground.drafted === ground.drafted &&
      copy.ground.base === ground.base;
    this.replace(copy.doc);
    if (fits)
      toast(
        documentOf(copy.doc)
          ? gettext("Restored your unsaved text.")
          : gettext("Restored your unsaved text. It is not valid JSON yet, so it is stored only in this browser."),
      );
    else {
      this.saver.clash(doc, { ...ground, base: copy.ground.tag === ground.tag ? copy.ground.base : ground.base });
    }
    this.copies.keep(this.area.value, this.saver.state.ground);
    void this.copies.flush().then(() => {
      if (this.copies.has(this.area.value) || isSaved(this.saver.state)) void this.copies.remove(copy.tab);
    });
    if (fits) this.restore();
  }

  private async check(): Promise<void> {
    const text = this.area.value;
    if (text === this.checkedText) return;
    const found = read(text);
    if (!found.ok) return;
    const mine = ++this.checks;
    try {
      // Not the API, whose problems are in English.
      const answer = await call("POST", `/workflows/${encodeURIComponent(this.slug)}/edit/check/`, {
        definition: JSON.parse(text) as Json,
      });
      // Ignore answers to earlier requests.
      if (mine !== this.checks) return;
      if (!Array.isArray(answer.body["problems"])) throw signedOut(answer.body);
      // The server did not have the time to check all SQL: check again.
      if (answer.body["complete"] === false) this.checkSoon();
      else this.checkedText = text;
      this.problems = readProblems(answer.body["problems"]);
      setText(one("[data-checked]"), "");
      this.show();
    } catch (error) {
      if (mine === this.checks) setText(one("[data-checked]"), errorText(error, gettext("Not checked: offline")));
    }
  }

  private show(): void {
    const text = this.area.value;
    const found = read(text);
    if (found.ok)
      this.shown = this.problems.map((problem) => ({ ...problem, place: nearest(found.places, problem.path) }));
    else {
      const { line, column, offset, expected } = found.problem;
      const message = fill(gettext("Line {line}, column {column}: {what}"), {
        line,
        column,
        what: expectedText(expected),
      });
      this.shown = [
        {
          message,
          path: "",
          severity: "error",
          line: null,
          fix: null,
          place: { line, lastLine: line, start: offset, end: offset },
        },
      ];
    }
    this.shown.sort((a, b) => (a.place?.line ?? 0) - (b.place?.line ?? 0));
    this.drawList();
    this.drawMarks();
  }

  private drawList(): void {
    const items = this.shown.slice(0, 200).map((problem) => {
      const where: Node[] = [];
      if (problem.place) where.push(element("span", "meta", fill(gettext("line {n}"), { n: problem.place.line })));
      if (problem.line !== null)
        where.push(element("span", "meta", fill(gettext("line {n} of its text"), { n: problem.line })));
      if (problem.path) where.push(element("span", "mono faint anywhere", visible(problem.path)));
      const row = element(
        "div",
        `problem st-${problem.severity === "warning" ? "stuck" : "failed"}`,
        icon(problem.severity === "warning" ? "warn" : "bad", true),
        element("button", "say", visible(problem.message)),
        element("div", "where row wrap", ...where),
      );
      const say = row.querySelector("button");
      if (say) {
        say.type = "button";
        say.addEventListener("click", () => this.go(problem));
      }
      if (problem.fix) {
        const fix = problem.fix;
        const button = element("button", "btn small", visible(fix.label));
        button.type = "button";
        button.addEventListener("click", () => this.repair(fix.changes));
        row.append(element("div", "where", button));
      }
      return row;
    });
    if (!items.length) items.push(emptyNote("ok", gettext("No problems"), gettext("Ready to publish and run.")));
    else if (this.shown.length > 200)
      items.push(element("div", "pad meta", fill(gettext("and {n} more"), { n: this.shown.length - 200 })));
    this.list.replaceChildren(...items);
    const errors = this.shown.filter((problem) => problem.severity === "error").length;
    const warnings = this.shown.length - errors;
    const chip = one("[data-problem-count]");
    if (chip) {
      const words = errors
        ? fill(ngettext("{n} problem", "{n} problems", errors), { n: errors })
        : warnings
          ? fill(ngettext("{n} warning", "{n} warnings", warnings), { n: warnings })
          : gettext("No problems");
      setAttribute(chip, "class", `chip ${errors ? "st-failed" : warnings ? "st-stuck" : "st-succeeded"}`);
      chip.replaceChildren(icon(this.shown.length ? "warn" : "ok"), element("span", "", words));
    }
  }

  private drawLineNumbers(): void {
    const lines = lineStarts(this.area.value).length;
    if (lines === this.lines) return;
    this.lines = lines;
    const column = document.createDocumentFragment();
    for (let n = 1; n <= lines; n += 1) column.append(element("span", "", String(n)));
    this.gutter.replaceChildren(column);
    this.scrolled();
  }

  private drawMarks(): void {
    for (const mark of this.marks) mark.remove();
    this.marks = [];
    for (const number of this.gutter.querySelectorAll(".has")) number.className = "";
    const seen = new Set<number>();
    for (const problem of this.shown) {
      const line = problem.place?.line;
      if (!line || seen.has(line) || seen.size > 300) continue;
      seen.add(line);
      const number = this.gutter.children[line - 1];
      if (number) number.className = `has ${problem.severity}`;
      const mark = element("div", `mark ${problem.severity}`);
      mark.dataset["line"] = String(line);
      this.host.prepend(mark);
      this.marks.push(mark);
    }
    this.scrolled();
  }

  private scrolled(): void {
    this.gutter.scrollTop = this.area.scrollTop;
    for (const mark of this.marks)
      mark.style.top = `${PAD + (Number(mark.dataset["line"]) - 1) * LINE - this.area.scrollTop}px`;
  }

  private go(problem: Shown | undefined): void {
    const place = problem?.place;
    if (!place) return;
    this.area.focus();
    const end = place.lastLine === place.line ? place.end : place.start;
    this.area.setSelectionRange(place.start, end);
    this.area.scrollTop = Math.max(0, PAD + (place.line - 1) * LINE - this.area.clientHeight / 3);
    this.area.scrollLeft = 0;
  }

  private repair(changes: readonly Operation[]): void {
    const found = read(this.area.value);
    const changed = found.ok ? applyPatch(JSON.parse(this.area.value) as Json, changes) : null;
    if (changed === null)
      toast(gettext("The text has changed since the check. Wait for the next one and try again."), "error");
    else this.replace(format(changed));
  }

  private reformat(): void {
    one<HTMLElement>("#edit-more")?.hidePopover();
    if (!read(this.area.value).ok) {
      toast(gettext("This is not valid JSON. Correct it first."), "error");
      return;
    }
    this.replace(format(JSON.parse(this.area.value) as Json));
  }

  /** Replaces the text by an editing command of the browser, so that Ctrl Z undoes it. */
  private replace(text: string): void {
    if (text === this.area.value) return;
    this.area.focus();
    this.area.select();
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- nothing else keeps the field's undo history
    if (!document.execCommand("insertText", false, text)) {
      this.area.value = text;
      this.changed();
    }
    this.area.setSelectionRange(0, 0);
    this.area.scrollTop = 0;
  }

  /** Tab indents, Enter keeps the indentation, and Escape leaves the field, so that keyboard users can get out. */
  private key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const { selectionStart: start, selectionEnd: end, value } = this.area;
    if (event.key === "Escape") {
      one<HTMLElement>("[data-problem-count]")?.focus();
    } else if (event.key === "Tab" && !event.shiftKey) {
      event.preventDefault();
      // eslint-disable-next-line @typescript-eslint/no-deprecated -- keeps the undo history
      document.execCommand("insertText", false, "  ");
    } else if (event.key === "Enter" && start === end) {
      const line = value.slice(value.lastIndexOf("\n", start - 1) + 1, start);
      const indent = /^[ \t]*/.exec(line)?.[0] ?? "";
      const deeper = /[[{]\s*$/.test(line) ? "  " : "";
      if (!indent && !deeper) return;
      event.preventDefault();
      // eslint-disable-next-line @typescript-eslint/no-deprecated -- keeps the undo history
      document.execCommand("insertText", false, `\n${indent}${deeper}`);
    }
  }
}
