/** A field: label, control, help, and what is wrong with it. */

import { createElement, Fragment, type ReactNode, useId } from "react";
import type { Path } from "../../document/changes";
import { fill, gettext } from "../../words/i18n";
import { visible } from "../../words/words";
import { type Said, useSaid, useScope } from "./scope";

export function Icon({ name, small = false }: { name: string; small?: boolean }): ReactNode {
  return (
    <svg className={small ? "i s" : "i"} viewBox="0 0 24 24" aria-hidden="true">
      <use href={`#i-${name}`} />
    </svg>
  );
}

/** The ids by which a control names what explains it. */
export interface Ids {
  readonly id: string;
  readonly label: string;
  readonly describedBy: string;
  readonly invalid: boolean;
}

export const idOf = (key: string, path: Path): string =>
  `${key}-${path.map((part) => String(part).replaceAll(/[^\w-]/g, "_")).join("-")}`;

/** Help as words, what stands between backticks as code. */
function coded(help: ReactNode): ReactNode {
  if (typeof help !== "string") return help;
  const parts = help.split("`");
  // Without its partner the last one is a mere backtick.
  if (parts.length % 2 === 0) return help;
  return createElement(Fragment, null, ...parts.map((part, at) => (at % 2 ? createElement("code", null, part) : part)));
}

interface FieldProps {
  readonly path: Path;
  readonly label: string;
  readonly help?: ReactNode;
  readonly required?: boolean;
  /** The control needs the whole width, also where fields stand beside their labels. */
  readonly tall?: boolean;
  /** The control is a group of controls: its label labels the group. */
  readonly group?: boolean;
  /** Beside the label: switches stand there. */
  readonly beside?: (ids: Ids) => ReactNode;
  /** At the end of the label's line. */
  readonly aside?: ReactNode;
  /** What the control itself says is wrong with what is typed. */
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
  const said = useSaid(path);
  const unique = useId();
  const id = `${idOf(scope.key, path)}${unique}`;
  const ids: Ids = {
    id,
    label: `${id}-label`,
    describedBy: [required && `${id}-must`, help && `${id}-help`, `${id}-said`].filter(Boolean).join(" "),
    invalid: typed !== "" || said.some((one) => one.severity === "error"),
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
          // Beside the label, not in it: the field is called what it is called.
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
      <Sayings id={`${id}-said`} said={said} typed={typed} />
    </div>
  );
}

export function Sayings({ id, said, typed = "" }: { id?: string; said: readonly Said[]; typed?: string }): ReactNode {
  return (
    <div className="saids" id={id}>
      {typed && <p className="wrong">{typed}</p>}
      {said.map((one, at) => (
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

/** The button goes with the problem: its field has the keyboard from then on. */
function repaired(button: HTMLElement, { fix }: Said): void {
  const control = button
    .closest("[data-field]")
    ?.querySelector<HTMLElement>("input, select, textarea, [contenteditable='true'], [tabindex='0'], button:not(.fix)");
  (control ?? button.closest<HTMLElement>("[tabindex='-1']"))?.focus();
  fix?.apply();
}
