/** Controls that edit one value each. A control shows the value of the document; text that is not a value yet stays in
 * the control. */

import { type Json, isEqual } from "../../json";
import { type KeyboardEvent, type ReactNode, useRef, useState } from "react";
import type { Path } from "../../document/changes";

import { fill, gettext } from "../../words/i18n";
import { duration } from "../../words/words";
import { Field, type Ids } from "./field";
import type { Option } from "./schema";
import { type FieldValue, MIXED, useScope, useSurroundings, useValue, useFocusRequest } from "./scope";
import { looseText, type Read, readLoose, readNumber, readSeconds } from "./values";

export interface ControlProps {
  readonly path: Path;
  readonly label: string;
  readonly help?: ReactNode;
  readonly required?: boolean;
  readonly placeholder?: string;
  /** Returns the value to write for a value; undefined removes the field. `typing`: the user may type more. */
  readonly clean?: (value: Json | undefined, typing: boolean) => Json | undefined;
}

const asIs = (value: Json | undefined): Json | undefined => (value === "" ? undefined : value);
const mixedText = (): string => gettext("Different values");

/** Opens the folds around the element, scrolls it into view and focuses it. */
export function showAndFocus(element: HTMLElement | null): void {
  for (let fold = element?.closest("details"); fold; fold = fold.parentElement?.closest("details")) fold.open = true;
  element?.scrollIntoView({ block: "nearest" });
  element?.focus();
}

interface Writing {
  readonly value: FieldValue;
  /** Writes a value while the user types. */
  type(value: Json | undefined): void;
  /** Writes a chosen value as an edit of its own. */
  choose(value: Json | undefined): void;
  /** Called when the user leaves the field: removes a default value, and ends the edit. */
  leave(): void;
}

export function useWriting({ path, label, clean = asIs }: ControlProps): Writing {
  const { editing } = useSurroundings();
  const scope = useScope();
  const value = useValue(path);
  return {
    value,
    type: (next) => scope.write(path, clean(next, true), label),
    choose: (next) => {
      editing.store.endMerging();
      scope.write(path, clean(next, false), label);
      editing.store.endMerging();
    },
    leave: () => {
      const now = scope.read(path);
      if (now !== MIXED && now !== undefined) {
        const less = clean(now, false);
        if (!isEqual(less, now)) scope.write(path, less, label);
      }
      editing.store.endMerging();
    },
  };
}

/** Returns the text of a control whose text is read as a value, why that text is wrong, and the functions to set it and
 * to forget it. The text stays as it was typed while the document has the same value. */
function useTyped<T extends Json>(
  value: FieldValue,
  show: (value: Json | undefined) => string,
  read: (text: string) => Read<T | undefined>,
): [string, string, (text: string) => Read<T | undefined>, () => void] {
  const [typed, setTyped] = useState<{ text: string; of: FieldValue } | null>(null);
  const known = value === MIXED ? "" : show(value);
  const fits = typed !== null && isEqual(typed.of === MIXED ? null : typed.of, value === MIXED ? null : value);
  const text = fits ? typed.text : known;
  const wrong = fits ? read(typed.text) : { value: undefined };
  const message = "wrong" in wrong ? WRONG[wrong.wrong]() : "";
  return [
    text,
    message,
    (next) => {
      const result = read(next);
      // Text that is not a value is not written: the document keeps its value, and the field shows the reason.
      setTyped({ text: next, of: "wrong" in result ? value : result.value });
      return result;
    },
    () => {
      if (typed && !("wrong" in read(typed.text))) setTyped(null);
    },
  ];
}

const WRONG: Readonly<Record<"number" | "whole" | "seconds", () => string>> = {
  number: () => gettext("Enter a number."),
  whole: () => gettext("Enter a whole number."),
  seconds: () => gettext("Enter seconds, or a duration such as 5 m or 1 h 30 m."),
};

export function TextField(props: ControlProps & { long?: boolean; mono?: boolean; rows?: number }): ReactNode {
  const { path, label, help, required = false, placeholder = "", long = false, mono = false, rows = 3 } = props;
  const { value, type, leave } = useWriting(props);
  const ref = useRef<HTMLInputElement & HTMLTextAreaElement>(null);
  useFocusRequest(path, () => showAndFocus(ref.current));
  const text = typeof value === "string" ? value : value === undefined || value === MIXED ? "" : JSON.stringify(value);
  const shared = (ids: Ids): object => ({
    ref,
    id: ids.id,
    className: mono ? "in mono" : "in",
    value: text,
    placeholder: value === MIXED ? mixedText() : placeholder,
    "aria-describedby": ids.describedBy,
    "aria-invalid": ids.invalid || undefined,
    "aria-required": required || undefined,
    autoComplete: "off",
    spellCheck: long && !mono,
    onChange: (event: { target: { value: string } }) => type(event.target.value),
    onBlur: leave,
  });
  return (
    <Field path={path} label={label} help={help} required={required} tall={long}>
      {(ids) => (long ? <textarea rows={rows} {...shared(ids)} /> : <input type="text" {...shared(ids)} />)}
    </Field>
  );
}

interface ReadProps extends ControlProps {
  readonly read: (text: string) => Read<Json | undefined>;
  readonly show: (value: Json | undefined) => string;
  readonly unit?: string;
  readonly numeric?: boolean;
  readonly aside?: ReactNode;
}

/** A field whose text is read as a value. */
function ReadField(props: ReadProps): ReactNode {
  const {
    path,
    label,
    help,
    required = false,
    placeholder = "",
    read,
    show,
    unit = "",
    numeric = false,
    aside,
  } = props;
  const { value, type, leave } = useWriting(props);
  const [text, typed, setText, settle] = useTyped<Json>(value, show, read);
  const ref = useRef<HTMLInputElement>(null);
  useFocusRequest(path, () => showAndFocus(ref.current));
  return (
    <Field path={path} label={label} help={help} required={required} typed={typed} aside={aside}>
      {(ids) => (
        <span className={unit ? "within" : "within bare"}>
          <input
            ref={ref}
            type="text"
            id={ids.id}
            className="in"
            inputMode={numeric ? "decimal" : "text"}
            value={text}
            placeholder={value === MIXED ? mixedText() : placeholder}
            aria-describedby={ids.describedBy}
            aria-invalid={ids.invalid || undefined}
            aria-required={required || undefined}
            autoComplete="off"
            spellCheck={false}
            onChange={(event) => {
              const result = setText(event.target.value);
              if (!("wrong" in result)) type(result.value);
            }}
            onBlur={() => {
              settle();
              leave();
            }}
          />
          {unit && (
            <span className="unit" aria-hidden="true">
              {unit}
            </span>
          )}
        </span>
      )}
    </Field>
  );
}

const plain = (value: Json | undefined): string =>
  value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value);

export function NumberField({ whole = false, ...props }: ControlProps & { whole?: boolean; unit?: string }): ReactNode {
  return <ReadField {...props} numeric read={(text) => readNumber(text, whole)} show={plain} />;
}

/** Edits a duration in seconds. It also reads texts such as "5 m", and shows longer durations in words. */
export function SecondsField({ none, ...props }: ControlProps & { none?: string }): ReactNode {
  const value = useValue(props.path);
  const unit = typeof value === "number" && value >= 60 ? duration(value) : fill(gettext("{s} s"), { s: "" }).trim();
  const without = none ?? "";
  const { choose } = useWriting(props);
  const off = value === null;
  return (
    <ReadField
      {...props}
      aside={
        without ? (
          <button type="button" className="fix plain" aria-pressed={off} onClick={() => choose(off ? undefined : null)}>
            {without}
          </button>
        ) : undefined
      }
      // A text such as "No limit" needs no unit.
      unit={off || value === MIXED || (value === undefined && !/^\d/.test(props.placeholder ?? "")) ? "" : unit}
      read={(text) =>
        without && text.trim().toLowerCase() === without.toLowerCase() ? { value: null } : readSeconds(text)
      }
      show={(found) => (found === null ? without : plain(found))}
    />
  );
}

/** Edits a text that may also be a number, true or false. */
export function ScalarField(props: ControlProps): ReactNode {
  return (
    <ReadField {...props} read={(text) => ({ value: text === "" ? undefined : readLoose(text) })} show={looseText} />
  );
}

const optionKey = (value: Json | undefined): string => (value === undefined ? "" : JSON.stringify(value));

interface ChoiceProps extends ControlProps {
  readonly options: readonly Option[];
  /** The label for no value; null: a value is required. */
  readonly unset: string | null;
  /** Always a list, also for few options. */
  readonly list?: boolean;
}

const SEGMENTS_MAX = 3;
const SEGMENTS_LETTERS = 28;

export function ChoiceField(props: ChoiceProps): ReactNode {
  const { options, unset, list = false } = props;
  const letters = options.reduce((sum, option) => sum + option.label.length, unset === null ? 0 : unset.length);
  const short = !list && options.length + (unset === null ? 0 : 1) <= SEGMENTS_MAX && letters <= SEGMENTS_LETTERS;
  return short ? <SegmentField {...props} /> : <SelectField {...props} />;
}

function SelectField(props: ChoiceProps): ReactNode {
  const { path, label, help, required = false, options, unset } = props;
  const { value, choose } = useWriting(props);
  const ref = useRef<HTMLSelectElement>(null);
  useFocusRequest(path, () => showAndFocus(ref.current));
  const known =
    typeof value === "symbol" ||
    (value === undefined ? unset !== null : options.some((option) => isEqual(option.value, value)));
  return (
    <Field path={path} label={label} help={help} required={required}>
      {(ids) => (
        <select
          ref={ref}
          id={ids.id}
          className="in"
          value={value === MIXED ? "mixed" : optionKey(value)}
          aria-describedby={ids.describedBy}
          aria-invalid={ids.invalid || undefined}
          onChange={(event) => choose(event.target.value === "" ? undefined : (JSON.parse(event.target.value) as Json))}
        >
          {value === MIXED && (
            <option value="mixed" disabled>
              {mixedText()}
            </option>
          )}
          {unset !== null && <option value="">{unset}</option>}
          {!known && typeof value !== "symbol" && (
            <option value={optionKey(value)}>{value === undefined ? gettext("Choose") : plain(value)}</option>
          )}
          {options.map((option) => (
            <option key={optionKey(option.value)} value={optionKey(option.value)}>
              {option.label}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

function SegmentField(props: ChoiceProps): ReactNode {
  const { path, label, help, required = false, options, unset } = props;
  const { value, choose } = useWriting(props);
  const ref = useRef<HTMLDivElement>(null);
  useFocusRequest(path, () => showAndFocus(ref.current?.querySelector<HTMLElement>('[tabindex="0"]') ?? null));
  const all: { value: Json | undefined; label: string }[] =
    unset === null ? [...options] : [{ value: undefined, label: unset }, ...options];
  const at = value === MIXED ? -1 : all.findIndex((option) => isEqual(option.value, value));
  const turn = (event: KeyboardEvent): void => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    const next = (Math.max(at, 0) + (at < 0 ? 0 : step) + all.length) % all.length;
    choose(all[next]?.value);
    (ref.current?.children[next] as HTMLElement | undefined)?.focus();
  };
  return (
    <Field path={path} label={label} help={help} required={required} group>
      {(ids) => (
        <>
          <div ref={ref} role="radiogroup" aria-labelledby={ids.label} className="segments" onKeyDown={turn}>
            {all.map((option, index) => (
              <button
                key={optionKey(option.value)}
                type="button"
                role="radio"
                aria-checked={index === at}
                tabIndex={index === Math.max(at, 0) ? 0 : -1}
                onClick={() => choose(option.value)}
              >
                {option.label}
              </button>
            ))}
          </div>
          {at < 0 && value !== MIXED && value !== undefined && (
            <p className="help">{fill(gettext("Now: {value}"), { value: plain(value) })}</p>
          )}
        </>
      )}
    </Field>
  );
}

export function SwitchField(props: ControlProps & { fallback: boolean }): ReactNode {
  const { path, label, help, fallback } = props;
  const { value, choose } = useWriting(props);
  const ref = useRef<HTMLButtonElement>(null);
  useFocusRequest(path, () => showAndFocus(ref.current));
  const on = typeof value === "boolean" ? value : fallback;
  return (
    <Field
      path={path}
      label={label}
      help={help}
      beside={(ids) => (
        <button
          ref={ref}
          type="button"
          // A switch cannot be mixed.
          role={value === MIXED ? "checkbox" : "switch"}
          className="switch"
          id={ids.id}
          aria-checked={value === MIXED ? "mixed" : on}
          aria-labelledby={ids.label}
          aria-describedby={ids.describedBy}
          onClick={() => choose(!on)}
        >
          <span />
        </button>
      )}
    />
  );
}

/** Edits a list whose values are among some options. */
export function SeveralField(props: ControlProps & { options: readonly Option[] }): ReactNode {
  const { path, label, help, required = false, options } = props;
  const { value, choose } = useWriting(props);
  const ref = useRef<HTMLDivElement>(null);
  useFocusRequest(path, () => showAndFocus(ref.current?.querySelector("input") ?? null));
  const chosen = Array.isArray(value) ? value : [];
  return (
    <Field path={path} label={label} help={help} required={required} group tall>
      {() => (
        <div ref={ref} className="checks">
          {options.map((option) => {
            const on = chosen.some((one) => isEqual(one, option.value));
            return (
              <label key={optionKey(option.value)} className="check">
                <input
                  type="checkbox"
                  checked={on}
                  onChange={() =>
                    choose(on ? chosen.filter((one) => !isEqual(one, option.value)) : [...chosen, option.value])
                  }
                />
                {option.label}
              </label>
            );
          })}
        </div>
      )}
    </Field>
  );
}
