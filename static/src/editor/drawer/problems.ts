/** The drawer's list of all problems: the message, the place, and a button for the fix if there is one.
 *
 * Rows are buttons, and arrow keys move between them. A row stays the same element while its problem exists, so that
 * neither the focus nor the scroll position changes while the user types.
 */

import { isEqual, isObject, type Json } from "../../json";
import { all, element, icon, one, setHidden, setText } from "../../dom";
import { nameOf, nodeOf, typeOf } from "../../document/document";
import { fill, gettext, ngettext } from "../../words/i18n";
import type { Editing } from "../parts";
import { performVerb } from "../../document/perform";
import { problemField, type Problem } from "../../document/problems";
import { applyFix } from "../../document/verb";

const SHOWN_MAX = 200;

/** Fills `host` with the list, now and whenever problems change. */
export function mountProblems(host: HTMLElement, editing: Editing): { focus(): void } {
  const { store } = editing;
  const list = element("ul", "problems");
  list.setAttribute("aria-label", gettext("Problems"));
  const more = element("p", "problemsmore meta");
  const note = element("p", "problemsnote");
  note.setAttribute("role", "status");
  const empty = element(
    "div",
    "empty small",
    icon("ok"),
    element("b", "", gettext("No problems: ready to publish and run")),
  );
  host.replaceChildren(note, list, more, empty);
  const rows = new Map<string, HTMLElement>();

  const draw = (): void => {
    const sorted = [...store.problems].sort(
      (a, b) => Number(a.severity === "warning") - Number(b.severity === "warning"),
    );
    const shown = sorted.slice(0, SHOWN_MAX);
    const keys = new Map(shown.map((problem, at) => [keyOf(problem, shown, at), problem]));
    const focused =
      document.activeElement instanceof HTMLElement && list.contains(document.activeElement)
        ? document.activeElement
        : null;
    const at = focused ? entries().indexOf(entryOf(focused) ?? focused) : -1;
    for (const [key, row] of rows) {
      if (keys.has(key)) continue;
      row.remove();
      rows.delete(key);
    }
    let next: Element | null = list.firstElementChild;
    for (const [key, problem] of keys) {
      let row = rows.get(key);
      if (!row) rows.set(key, (row = element("li", "problemrow")));
      fillRow(row, problem, editing);
      if (row === next) next = row.nextElementSibling;
      else list.insertBefore(row, next);
    }
    rove();
    // The focused row was removed, for example by its fix: focus the row that took its place.
    if (focused && !focused.isConnected) (entries()[Math.min(at, entries().length - 1)] ?? host).focus();
    const left = sorted.length - shown.length;
    setText(more, left ? fill(ngettext("and {n} more", "and {n} more", left), { n: left }) : "");
    setHidden(more, !left);
    setHidden(list, !shown.length);
    setHidden(
      empty,
      shown.length > 0 || store.check === "checking" || store.check === "offline" || store.check === "refused",
    );
    setText(
      note,
      store.check === "offline" || store.check === "refused"
        ? editing.checking.why
        : store.check === "checking" && !shown.length
          ? gettext("Checking…")
          : "",
    );
    setHidden(note, !note.textContent);
  };

  const entries = (): HTMLElement[] => all(".problem", list);
  /** Makes one row reachable by Tab; arrow keys lead to the others. */
  const rove = (): void => {
    const found = entries();
    const on =
      found.find((entry) => entry === document.activeElement) ??
      found.find((entry) => entry.tabIndex === 0) ??
      found[0];
    for (const entry of found) entry.tabIndex = entry === on ? 0 : -1;
  };
  list.addEventListener("focusin", () => rove());
  list.addEventListener("keydown", (event) => {
    const found = entries();
    const here = event.target instanceof HTMLElement ? found.indexOf(entryOf(event.target) ?? event.target) : -1;
    const to = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: found.length - 1 }[event.key];
    if (to === undefined || here < 0) return;
    event.preventDefault();
    found[Math.max(0, Math.min(found.length - 1, to))]?.focus();
  });

  host.tabIndex = -1;
  store.listen((update) => {
    if (update.problems || update.doc) draw();
  });
  draw();
  return { focus: () => (entries().find((entry) => entry.tabIndex === 0) ?? host).focus() };
}

const entryOf = (within: HTMLElement): HTMLElement | null =>
  within.closest(".problemrow")?.querySelector<HTMLElement>(".problem") ?? null;

function keyOf(problem: Problem, shown: readonly Problem[], at: number): string {
  const key = JSON.stringify([problem.node, problem.path, problem.code, problem.message, problem.line]);
  // Equal problems of the same place are numbered.
  let before = 0;
  for (
    let earlier = at - 1;
    earlier >= 0 && shown[earlier]?.node === problem.node && shown[earlier]?.path === problem.path;
    earlier -= 1
  )
    before += Number(shown[earlier]?.message === problem.message);
  return before ? `${key} ${before}` : key;
}

const shownBy = new WeakMap<HTMLElement, Problem>();

function fillRow(row: HTMLElement, problem: Problem, editing: Editing): void {
  const name = nameOfOwner(problem, editing);
  const place = placeOf(problem, editing);
  const was = shownBy.get(row);
  shownBy.set(row, problem);
  if (was) {
    setText(one(".problemname", row), name);
    setText(one(".problemplace", row), place);
    if (isEqual(was.fix as Json, problem.fix as Json)) return;
    one(".problemfix", row)?.remove();
  } else {
    const warning = problem.severity === "warning";
    row.classList.add(warning ? "st-stuck" : "st-failed");
    row.dataset["problem"] = problem.code;
    const open = element(
      "button",
      "problem",
      icon(warning ? "warn" : "bad"),
      element("span", "sr", warning ? gettext("Warning") : gettext("Error")),
      element("b", "problemname", name),
      element("span", "problemsaid", problem.message),
      element("span", "problemplace meta", place),
    );
    open.type = "button";
    open.tabIndex = -1;
    open.addEventListener("click", () => openPlace(shownBy.get(row) ?? problem, editing));
    row.append(open);
  }
  if (!problem.fix) return;
  const repair = element("button", "btn small problemfix", problem.fix.label);
  repair.type = "button";
  repair.title = problem.fix.label;
  repair.addEventListener("click", () => {
    const shown = shownBy.get(row);
    if (shown?.fix) performVerb(editing, applyFix(shown));
  });
  row.append(repair);
}

function nameOfOwner(problem: Problem, { store }: Editing): string {
  if (problem.node === null) return gettext("Workflow");
  const node = nodeOf(store.doc, problem.node);
  return node ? nameOf(node) : problem.node;
}

/** Returns the label of the field and the line, for example "SQL, line 3". */
function placeOf(problem: Problem, { store, facts }: Editing): string {
  const edge = /^edges\[(\d+)\]/.exec(problem.path);
  const ends = edge ? store.doc.edges[Number(edge[1])] : undefined;
  if (ends) return `${ends.source} → ${ends.target}`;
  const field = problem.path.startsWith("nodes[") ? problemField(problem) : [];
  let where = problem.path.startsWith("nodes[") ? field.join(" › ") : problem.path;
  const node = problem.node === null ? undefined : nodeOf(store.doc, problem.node);
  if (node && field[0] === "config") {
    const properties = facts.types.get(typeOf(node))?.config["properties"];
    const [, name = "", ...inner] = field;
    const schema = isObject(properties) ? properties[String(name)] : undefined;
    const title = isObject(schema) && typeof schema["title"] === "string" ? schema["title"] : String(name);
    where = [title, ...inner].join(" › ");
  }
  return problem.line === null
    ? where
    : where
      ? fill(gettext("{field}, line {n}"), { field: where, n: problem.line })
      : fill(gettext("line {n}"), { n: problem.line });
}

function openPlace(problem: Problem, editing: Editing): void {
  const { store, inspector, canvas } = editing;
  const field = problemField(problem);
  if (problem.node !== null && nodeOf(store.doc, problem.node)) {
    store.select([problem.node]);
    canvas.reveal([problem.node]);
    inspector.open(problem.node, problem.path.startsWith("nodes[") ? field : [], problem.line);
    return;
  }
  inspector.openWorkflow(problem.path ? problem.path.split(/[.[\]]+/).filter(Boolean) : []);
}
