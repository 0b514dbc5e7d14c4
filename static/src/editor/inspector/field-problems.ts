/** The problems of the document by the field that shows each, with its fix. */

import { isEqual, type Json } from "../../json";
import type { Path } from "../../document/changes";
import { indexOf } from "../../document/document";
import { performVerb } from "../../document/perform";
import type { Problem } from "../../document/problems";
import { applyFix } from "../../document/verb";
import type { Editing } from "../parts";
import type { Instant } from "./validator";

export interface FieldProblem {
  readonly message: string;
  readonly severity: "error" | "warning";
  readonly line: number | null;
  /** In code points of the field's text. */
  readonly span: readonly [number, number] | null;
  readonly fix: { readonly label: string; apply(): void } | null;
}

export const NO_PROBLEMS: readonly FieldProblem[] = [];

/** Applies the fix of a problem as one edit. Its paths contain the index that the node had when the server checked the
 * document; they are changed to its present index. */
function applyFixOf(editing: Editing, problem: Problem): void {
  const { store } = editing;
  const at = problem.node === null ? undefined : indexOf(store.doc).get(problem.node);
  const fix =
    problem.fix && at !== undefined
      ? {
          ...problem.fix,
          changes: problem.fix.changes.map((one) => ({
            ...one,
            path: one.path.replace(/^\/nodes\/\d+(?=\/|$)/, `/nodes/${at}`),
          })),
        }
      : problem.fix;
  store.endMerging();
  performVerb(editing, applyFix({ ...problem, fix }));
  store.endMerging();
}

function fieldProblem(editing: Editing, problem: Problem): FieldProblem {
  return {
    message: problem.message,
    severity: problem.severity,
    line: problem.line,
    span: problem.span,
    fix: problem.fix && { label: problem.fix.label, apply: () => applyFixOf(editing, problem) },
  };
}

export const pathKey = (path: Path): string => JSON.stringify(path);

/** Groups problems by the field that shows them, and groups them again when the problems or the value change. */
export class ProblemsByField {
  private problems: readonly Problem[] | null = null;
  private value: Json | undefined;
  private check = "";
  private byPlace = new Map<string, readonly FieldProblem[]>();

  constructor(
    private readonly editing: Editing,
    private readonly source: () => {
      problems: readonly Problem[];
      value: Json | undefined;
      instant: () => readonly Instant[];
    },
    private readonly place: (problem: Problem) => Path,
  ) {}

  at(path: Path): readonly FieldProblem[] {
    const { problems, value, instant } = this.source();
    const { check } = this.editing.store;
    if (problems !== this.problems || value !== this.value || check !== this.check) {
      this.problems = problems;
      this.value = value;
      this.check = check;
      const made = new Map<string, FieldProblem[]>();
      for (const problem of problems) {
        const key = pathKey(this.place(problem));
        made.set(key, [...(made.get(key) ?? []), fieldProblem(this.editing, problem)]);
      }
      // Until the server has checked the document, add the faults that the browser finds.
      if (check !== "checked") {
        for (const fault of instant()) {
          const key = pathKey(fault.path);
          if (!made.has(key))
            made.set(key, [{ message: fault.message, severity: "error", line: null, span: null, fix: null }]);
        }
      }
      const before = this.byPlace;
      this.byPlace = new Map([...made].map(([key, now]) => [key, reuseEqual(before.get(key), now)]));
    }
    return this.byPlace.get(pathKey(path)) ?? NO_PROBLEMS;
  }
}

/** Returns the old list if the new one is equal, so that its field is not rendered again. Lists with fixes are never
 * reused, because a fix applies to the newest document. */
function reuseEqual(
  before: readonly FieldProblem[] | undefined,
  after: readonly FieldProblem[],
): readonly FieldProblem[] {
  const same =
    before?.length === after.length &&
    before.every(
      (one, at) =>
        one.message === after[at]?.message &&
        one.line === after[at]?.line &&
        isEqual((one.span ?? null) as Json, (after[at]?.span ?? null) as Json) &&
        !one.fix &&
        !after[at]?.fix,
    );
  return same ? before : after;
}
