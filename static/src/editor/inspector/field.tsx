/** A field: its label, control, help and problems. */

import { createElement, Fragment, type ReactNode, useId } from "react";
import type { Path } from "../../document/changes";
import { fill, gettext } from "../../words/i18n";
import { visible } from "../../words/words";
import type { FieldProblem } from "./field-problems";
import { useFieldProblems, useScope } from "./scope";

export function Icon({ name, small = false }: { name: string; small?: boolean }): ReactNode {
  return (
    <svg className={small ? "i s" : "i"} viewBox="0 0 24 24" aria-hidden="true">
      <use href={`#i-${name}`} />
    </svg>
  );
}

/** The ids for the ARIA attributes of a control. */
export interface Ids {
  readonly id: string;
  readonly label: string;
  readonly describedBy: string;
  readonly invalid: boolean;
}

const idOf = (key: string, path: Path): string =>
  `${key}-${path.map((part) => String(part).replaceAll(/[^\w-]/g, "_")).join("-")}`;

/** Renders a help text; parts between backticks become code. */
function coded(help: ReactNode): ReactNode {
  if (typeof help !== "string") return help;
  const parts = help.split("`");
  // An odd number of backticks: show them as they are.
  if (parts.length % 2 === 0) return help;
  return createElement(Fragment, null, ...parts.map((part, at) => (at % 2 ? createElement("code", null, part) : part)));
}

interface FieldProps {
  readonly path: Path;
  readonly label: string;
  readonly help?: ReactNode;
  readonly required?: boolean;
  /** The control takes the whole width, also in groups whose labels are beside the controls. */
  readonly tall?: boolean;
  /** The control is a group of controls, which the label names. */
  readonly group?: boolean;
  /** A control beside the label, such as a switch. */
  readonly beside?: (ids: Ids) => ReactNode;
  /** Shown at the end of the label's line. */
  readonly aside?: ReactNode;
  /** Why the typed text is not a value; empty: it is one. */
  readonly typed?: string;
  readonly children?: (ids: Ids) => ReactNode;
}

export function Field({
  path,
  label,
  help,
  required = false,
  group = false,
  tall = false,
  beside,
  aside,
  typed = "",
  children,
}: FieldProps): ReactNode {
  const scope = useScope();
  const problems = useFieldProblems(path);
  const unique = useId();
  const id = `${idOf(scope.key, path)}${unique}`;
  const ids: Ids = {
    id,
    label: `${id}-label`,
    describedBy: [required && `${id}-must`, help && `${id}-help`, `${id}-problems`].filter(Boolean).join(" "),
    invalid: typed !== "" || problems.some((one) => one.severity === "error"),
  };
  return (
    <div className={beside ? "field beside" : tall ? "field tall" : "field"} data-field={path.join(".")}>
      <div className="fieldhead">
        {group ? (
          <span className="label" id={ids.label}>
            {label}
          </span>
        ) : (
          <label className="label" id={ids.label} htmlFor={id}>
            {label}
          </label>
        )}
        {required && (
          // Outside of the label, so that the accessible name has no asterisk.
          <span className="must" title={gettext("Required")}>
            <span aria-hidden="true">*</span>
            <span className="sr" id={`${id}-must`}>
              {gettext("Required")}
            </span>
          </span>
        )}
        <span className="grow" />
        {beside?.(ids)}
        {aside}
      </div>
      {group ? (
        <div role="group" aria-labelledby={ids.label} aria-describedby={ids.describedBy} className="fieldgroup">
          {children?.(ids)}
        </div>
      ) : (
        children?.(ids)
      )}
      {help && (
        <div className="help" id={`${id}-help`}>
          {coded(help)}
        </div>
      )}
      <FieldProblems id={`${id}-problems`} problems={problems} typed={typed} />
    </div>
  );
}

export function FieldProblems({
  id,
  problems,
  typed = "",
}: {
  id?: string;
  problems: readonly FieldProblem[];
  typed?: string;
}): ReactNode {
  return (
    <div className="fieldproblems" id={id}>
      {typed && <p className="wrong">{typed}</p>}
      {problems.map((one, at) => (
        <p key={at} className={one.severity === "error" ? "wrong" : "wrong warning"}>
          {one.line === null
            ? visible(one.message)
            : fill(gettext("Line {n}: {what}"), { n: one.line, what: visible(one.message) })}
          {one.fix && (
            <>
              {" "}
              <button type="button" className="fix" onClick={(event) => repaired(event.currentTarget, one)}>
                {visible(one.fix.label)}
              </button>
            </>
          )}
        </p>
      ))}
    </div>
  );
}

/** Applies the fix. Its button disappears with the problem, so the focus moves to the control of the field. */
function repaired(button: HTMLElement, { fix }: FieldProblem): void {
  const control = button
    .closest("[data-field]")
    ?.querySelector<HTMLElement>("input, select, textarea, [contenteditable='true'], [tabindex='0'], button:not(.fix)");
  (control ?? button.closest<HTMLElement>("[tabindex='-1']"))?.focus();
  fix?.apply();
}
