/** The definition as text: checked as it is typed, every problem linked to its line, saved as the person's draft.
 *
 * A save names the count of saves that it builds on; when another tab was first, nothing is written over and the
 * page says so. Text that is no JSON cannot be a draft: it is kept in this browser until it is.
 */

import { ApiError, call } from "../api/client";
import { beforeOpening } from "../behaviours/popover";
import { toast } from "../behaviours/toast";
import { debounced, element, icon, one, setAttribute, setHidden, setText } from "../dom";
import type { Json, JsonObject } from "../live/protocol";
import { fill, gettext, ngettext } from "../words/i18n";
import { visible } from "../words/words";
import { format } from "./format";
import { type Change, patch, readChanges } from "./patch";
import { lineStarts, nearest, type Place, read } from "./positions";

interface Problem {
  readonly message: string;
  readonly path: string;
  readonly severity: string;
  readonly line: number | null;
  readonly fix: { readonly label: string; readonly changes: Change[] } | null;
}

interface Shown extends Problem {
  readonly place: Place | null;
}

const LINE = 19;
const PAD = 10;
const SAVE_MS = 800;
const CHECK_MS = 300;

function readProblem(value: Json): Problem | null {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
  const fix = value["fix"];
  const changes = typeof fix === "object" && fix !== null && !Array.isArray(fix) ? readChanges(fix["changes"]) : null;
  const label = typeof fix === "object" && fix !== null && !Array.isArray(fix) && typeof fix["label"] === "string" ? fix["label"] : "";
  return {
    message: typeof value["message"] === "string" ? value["message"] : "",
    path: typeof value["path"] === "string" ? value["path"] : "",
    severity: value["severity"] === "warning" ? "warning" : "error",
    line: typeof value["line"] === "number" ? value["line"] : null,
    fix: changes && label ? { label, changes } : null,
  };
}

const problemsOf = (value: Json | undefined): Problem[] => (Array.isArray(value) ? value.flatMap((entry) => readProblem(entry) ?? []) : []);

function expectedSaid(expected: string): string {
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
      return gettext("After \\ in text comes one of \" \\ / b f n r t or u with four hex digits.");
    case "end":
      return gettext("The document ends before this. Remove what follows.");
    case "depth":
      return gettext("This nests too deeply.");
    default:
      return gettext("Expected a value: an object, a list, text in double quotes, a number, true, false or null.");
  }
}

export function startEditor(root: HTMLElement): void {
  const area = one<HTMLTextAreaElement>("textarea", root);
  const gutter = one("[data-gutter]", root);
  const host = one("[data-text]", root);
  const list = one("[data-problem-list]");
  if (!area || !gutter || !host || !list) return;
  const editor = new Editor(root.dataset["slug"] ?? "", root.dataset["user"] ?? "", Number(root.dataset["saves"] ?? 0), area, gutter, host, list);
  const first = one("#first-problems")?.textContent;
  editor.start(problemsOf(first ? (JSON.parse(first) as Json) : []));
}

class Editor {
  private savedText: string;
  private saving: Promise<void> | null = null;
  private stale = false;
  private problems: Problem[] = [];
  private shown: Shown[] = [];
  private checkedText = "";
  private checks = 0;
  private marks: HTMLElement[] = [];
  private lines = 0;
  private readonly soonSave = debounced(SAVE_MS, () => void this.save());
  private readonly soonCheck = debounced(CHECK_MS, () => void this.check());

  constructor(
    private readonly slug: string,
    private readonly user: string,
    private saves: number,
    private readonly area: HTMLTextAreaElement,
    private readonly gutter: HTMLElement,
    private readonly host: HTMLElement,
    private readonly list: HTMLElement,
  ) {
    this.savedText = area.value;
  }

  start(problems: Problem[]): void {
    this.recover();
    this.checkedText = this.area.value;
    this.problems = problems;
    this.number();
    this.show();
    if (this.area.value !== this.savedText) this.changed();
    this.area.addEventListener("input", () => this.changed());
    this.area.addEventListener("scroll", () => this.scrolled(), { passive: true });
    this.area.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.scrolled()).observe(this.area);
    one("[data-format]")?.addEventListener("click", () => this.reformat());
    one("[data-problem-count]")?.addEventListener("click", () => this.go(this.shown[0]));
    beforeOpening(() => this.settle());
    window.addEventListener("beforeunload", (event) => {
      if (this.area.value !== this.savedText) event.preventDefault();
    });
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) void this.save();
    });
    document.addEventListener("keydown", (event) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s") {
        event.preventDefault();
        void this.save();
      }
    });
  }

  private get keepsake(): string {
    return `interlock.draft.${this.user}.${this.slug}`;
  }

  /** Text that was no JSON when the page was left comes back. */
  private recover(): void {
    try {
      const kept = localStorage.getItem(this.keepsake);
      if (kept !== null && kept !== this.area.value) {
        this.area.value = kept;
        toast(gettext("What you typed last is back; it was not JSON yet, so it was kept in this browser only."));
      }
    } catch {
      // A browser may forbid storage; then there is nothing to bring back.
    }
  }

  private keep(text: string | null): void {
    try {
      if (text === null) localStorage.removeItem(this.keepsake);
      else localStorage.setItem(this.keepsake, text);
    } catch {
      // As above: editing goes on without it.
    }
  }

  private changed(): void {
    this.number();
    this.status(gettext("Not saved yet"));
    this.soonSave();
    this.soonCheck();
    const found = read(this.area.value);
    if (!found.ok) this.keep(this.area.value);
    this.show();
  }

  /** Saved and checked: what must hold before the draft is run or published. */
  private async settle(): Promise<void> {
    await this.save();
    if (this.area.value !== this.savedText) throw new Error(gettext("The draft is not saved."));
  }

  private async save(): Promise<void> {
    while (this.saving) await this.saving;
    const text = this.area.value;
    if (text === this.savedText || this.stale) return;
    const found = read(text);
    const document = found.ok ? (JSON.parse(text) as Json) : null;
    if (!found.ok || typeof document !== "object" || document === null || Array.isArray(document)) {
      this.status(gettext("Not saved: this is not JSON yet"), true);
      return;
    }
    this.status(gettext("Saving …"));
    this.saving = this.put(text, document);
    try {
      await this.saving;
    } finally {
      this.saving = null;
    }
  }

  private async put(text: string, document: JsonObject): Promise<void> {
    try {
      const answer = await call("PUT", `/api/v1/workflows/${encodeURIComponent(this.slug)}/draft/`, { definition: document }, { "If-Match": `"${this.saves}"` });
      const tag = /^"(\d+)"$/.exec(answer.etag ?? "");
      this.saves = tag ? Number(tag[1]) : this.saves + 1;
      this.savedText = text;
      this.keep(null);
      if (this.area.value === text) this.status(gettext("Saved"));
    } catch (error) {
      if (error instanceof ApiError && error.status === 412) this.someoneSaved();
      else if (error instanceof ApiError) this.status(fill(gettext("Not saved: {why}"), { why: error.message }), true);
      else {
        this.status(gettext("Not saved: offline. It is tried again."), true);
        window.setTimeout(this.soonSave, 4000);
      }
    }
  }

  private someoneSaved(): void {
    this.stale = true;
    this.keep(this.area.value);
    this.status(gettext("Not saved: another tab saved first"), true);
    const load = element("a", "btn small", gettext("Load what is saved"));
    load.href = location.pathname;
    load.addEventListener("click", () => {
      this.keep(null);
      this.savedText = this.area.value;
    });
    const mine = element("button", "btn small", gettext("Save this text instead"));
    mine.type = "button";
    const box = element("section", "", element("div", "cause st-stuck", element("div", "row top-aligned", icon("warn"), element("span", "lead", gettext("Your draft was saved from another tab"))), element("p", "dim", gettext("Nothing was written over. Your text here stays as it is.")), element("div", "row wrap", load, mine)));
    mine.addEventListener("click", () => void this.takeOver(box));
    this.list.before(box);
  }

  private async takeOver(box: HTMLElement): Promise<void> {
    try {
      const tag = /^"(\d+)"$/.exec((await call("GET", `/api/v1/workflows/${encodeURIComponent(this.slug)}/draft/`)).etag ?? "");
      if (tag) this.saves = Number(tag[1]);
      this.stale = false;
      box.remove();
      await this.save();
    } catch {
      toast(gettext("Offline: nothing was saved."), "error");
    }
  }

  private async check(): Promise<void> {
    const text = this.area.value;
    if (text === this.checkedText) return;
    const found = read(text);
    if (!found.ok) return;
    const mine = ++this.checks;
    try {
      const answer = await call("POST", `/api/v1/workflows/${encodeURIComponent(this.slug)}/validate/`, { definition: JSON.parse(text) as Json });
      // Only the answer to the newest question counts.
      if (mine !== this.checks) return;
      this.checkedText = text;
      this.problems = problemsOf(answer.body["problems"]);
      setText(one("[data-checked]"), "");
      this.show();
    } catch (error) {
      if (mine === this.checks) setText(one("[data-checked]"), error instanceof ApiError ? error.message : gettext("Not checked: offline"));
    }
  }

  private show(): void {
    const text = this.area.value;
    const found = read(text);
    if (found.ok) this.shown = this.problems.map((problem) => ({ ...problem, place: nearest(found.places, problem.path) }));
    else {
      const { line, column, offset, expected } = found.problem;
      const message = fill(gettext("Line {line}, column {column}: {what}"), { line, column, what: expectedSaid(expected) });
      this.shown = [{ message, path: "", severity: "error", line: null, fix: null, place: { line, lastLine: line, start: offset, end: offset } }];
    }
    this.shown.sort((a, b) => (a.place?.line ?? 0) - (b.place?.line ?? 0));
    this.drawList();
    this.drawMarks();
  }

  private drawList(): void {
    const items = this.shown.slice(0, 200).map((problem) => {
      const where: Node[] = [];
      if (problem.place) where.push(element("span", "meta", fill(gettext("line {n}"), { n: problem.place.line })));
      if (problem.line !== null) where.push(element("span", "meta", fill(gettext("line {n} of its text"), { n: problem.line })));
      if (problem.path) where.push(element("span", "mono faint anywhere", visible(problem.path)));
      const row = element("div", `problem st-${problem.severity === "warning" ? "stuck" : "failed"}`, icon(problem.severity === "warning" ? "warn" : "bad", true), element("button", "say", visible(problem.message)), element("div", "where row wrap", ...where));
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
    if (!items.length) items.push(element("div", "empty small", icon("ok"), element("b", "", gettext("No problems")), element("p", "", gettext("It can be published and run."))));
    else if (this.shown.length > 200) items.push(element("div", "pad meta", fill(gettext("and {n} more"), { n: this.shown.length - 200 })));
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

  private number(): void {
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
    for (const mark of this.marks) mark.style.top = `${PAD + (Number(mark.dataset["line"]) - 1) * LINE - this.area.scrollTop}px`;
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

  private repair(changes: readonly Change[]): void {
    const found = read(this.area.value);
    const changed = found.ok ? patch(JSON.parse(this.area.value) as Json, changes) : null;
    if (changed === null) toast(gettext("The text has changed since: the repair does not fit any more."), "error");
    else this.replace(format(changed));
  }

  private reformat(): void {
    one<HTMLElement>("#edit-more")?.hidePopover();
    if (!read(this.area.value).ok) {
      toast(gettext("This is not JSON yet: repair it first."), "error");
      return;
    }
    this.replace(format(JSON.parse(this.area.value) as Json));
  }

  /** Through the browser's own editing, so that Ctrl Z takes it back. */
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

  /** Tab indents and Escape leaves, so that the keyboard is never caught; Enter keeps the indent. */
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

  private status(text: string, wrong = false): void {
    const place = one("[data-saved]");
    setText(place, text);
    place?.classList.toggle("bad", wrong);
    setHidden(place, false);
  }
}
