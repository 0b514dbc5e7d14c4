/** Editors of lists of texts and of maps with free keys. */

import { type Json, isEqual } from "../../json";
import { type ReactNode, useRef, useState } from "react";
import { flushSync } from "react-dom";

import { fill, gettext } from "../../words/i18n";
import { showAndFocus, type ControlProps, useWriting } from "./controls";
import { Field, Icon } from "./field";
import { MIXED, useFocusRequest } from "./scope";
import { doubled, looseText, objectOf, readNumber, type Row, rowsOf } from "./values";

interface Written<R> {
  /** The rows of the document, or the typed rows while both have the same value. */
  readonly rows: readonly R[];
  /** Adds an empty row, which is not written until it has text. */
  show(rows: readonly R[]): void;
  type(rows: readonly R[]): void;
  choose(rows: readonly R[]): void;
  leave(): void;
}

function useRows<R>(
  props: ControlProps,
  shown: (value: Json | undefined) => R[],
  read: (rows: readonly R[]) => Json | undefined,
): Written<R> {
  const { value: found, type, choose, leave } = useWriting(props);
  const value = found === MIXED ? undefined : found;
  const [typed, show] = useState<readonly R[] | null>(null);
  const same = typed !== null && isEqual(read(typed) ?? null, value ?? null);
  const put =
    (write: typeof type) =>
    (rows: readonly R[]): void => {
      show(rows);
      write(read(rows));
    };
  return { rows: same ? typed : shown(value), show, type: put(type), choose: put(choose), leave };
}

interface RowsProps<R> {
  readonly path: ControlProps["path"];
  readonly rows: readonly R[];
  readonly empty: R;
  /** CSS classes of a row in addition to `line`. */
  readonly className?: string;
  /** The controls of a row. */
  fields(row: R, at: number): ReactNode;
  /** The label of the button that removes a row. */
  removal(row: R, at: number): string;
  onAdd(rows: readonly R[]): void;
  onRemove(rows: readonly R[]): void;
}

/** Rows that can be added and removed. The focus moves to an added row; after a removal, to the button that adds one. */
function Rows<R>({ path, rows, empty, className = "", fields, removal, onAdd, onRemove }: RowsProps<R>): ReactNode {
  const list = useRef<HTMLDivElement>(null);
  const more = useRef<HTMLButtonElement>(null);
  useFocusRequest(path, () => showAndFocus(list.current?.querySelector<HTMLElement>("input, button") ?? null));
  return (
    <div ref={list} className="rows">
      {rows.map((row, at) => (
        <div key={at} className={`line ${className}`.trim()}>
          {fields(row, at)}
          <button
            type="button"
            className="btn quiet small icon"
            aria-label={removal(row, at)}
            title={removal(row, at)}
            onClick={() => {
              onRemove(rows.filter((_, index) => index !== at));
              more.current?.focus();
            }}
          >
            <Icon name="minus" small />
          </button>
        </div>
      ))}
      <button
        ref={more}
        type="button"
        className="btn quiet small more"
        onClick={() => {
          // Render before the next key press.
          flushSync(() => onAdd([...rows, empty]));
          [...(list.current?.querySelectorAll<HTMLElement>("input:first-child") ?? [])].at(-1)?.focus();
        }}
      >
        <Icon name="plus" small />
        {gettext("Add entry")}
      </button>
    </div>
  );
}

export function TextsField(props: ControlProps & { single?: boolean; numbers?: boolean }): ReactNode {
  const { path, label, help, required = false, single = false, numbers = false } = props;
  const read = (rows: readonly string[]): Json | undefined => {
    const filled = rows.filter((text) => text !== "");
    if (!filled.length) return required ? [] : undefined;
    if (single && filled.length === 1) return filled[0] ?? "";
    return numbers ? filled.map((text) => numberOr(text)) : [...filled];
  };
  const shown = (one: Json): string => (typeof one === "string" ? one : JSON.stringify(one));
  const { rows, show, type, choose, leave } = useRows<string>(
    props,
    (held) => (Array.isArray(held) ? held.map(shown) : held === undefined ? [] : [shown(held)]),
    read,
  );
  return (
    <Field path={path} label={label} help={help} required={required} group tall>
      {(ids) => (
        <Rows
          path={path}
          rows={rows}
          empty=""
          fields={(text, at) => (
            <input
              type="text"
              className="in"
              value={text}
              autoComplete="off"
              spellCheck={false}
              aria-label={fill(gettext("{label}, entry {n}"), { label, n: at + 1 })}
              aria-invalid={ids.invalid || undefined}
              onChange={(event) => type(rows.map((one, index) => (index === at ? event.target.value : one)))}
              onBlur={leave}
            />
          )}
          removal={(_, at) => fill(gettext("Remove entry {n}"), { n: at + 1 })}
          onAdd={show}
          onRemove={choose}
        />
      )}
    </Field>
  );
}

function numberOr(text: string): Json {
  const read = readNumber(text, false);
  return "value" in read && read.value !== undefined ? read.value : text;
}

export function MapField(props: ControlProps & { texts: boolean }): ReactNode {
  const { path, label, help, required = false, texts } = props;
  const read = (rows: readonly Row[]): Json | undefined => {
    const made = objectOf(rows, texts);
    return Object.keys(made).length || required ? made : undefined;
  };
  const { rows, show, type, choose, leave } = useRows<Row>(props, (held) => rowsOf(held, texts), read);
  const twice = doubled(rows);
  const change = (at: number, row: Partial<Row>): void =>
    type(rows.map((one, index) => (index === at ? { ...one, ...row } : one)));
  return (
    <Field
      path={path}
      label={label}
      help={help}
      required={required}
      group
      tall
      typed={
        twice.size
          ? fill(gettext("{names} is listed twice. The first one is used."), { names: [...twice].join(", ") })
          : ""
      }
    >
      {(ids) => (
        <Rows
          path={path}
          rows={rows}
          empty={{ key: "", text: "" }}
          className="pair"
          fields={(row, at) => (
            <>
              <input
                type="text"
                className="in mono"
                value={row.key}
                placeholder={gettext("name")}
                autoComplete="off"
                spellCheck={false}
                aria-label={fill(gettext("{label}, name {n}"), { label, n: at + 1 })}
                aria-invalid={twice.has(row.key.trim()) || undefined}
                onChange={(event) => change(at, { key: event.target.value })}
                onBlur={leave}
              />
              <input
                type="text"
                className="in mono"
                value={row.text}
                placeholder={gettext("value")}
                autoComplete="off"
                spellCheck={false}
                aria-label={
                  row.key
                    ? fill(gettext("{label}, value of {name}"), { label, name: row.key })
                    : fill(gettext("{label}, value {n}"), { label, n: at + 1 })
                }
                aria-invalid={ids.invalid || undefined}
                onChange={(event) => change(at, { text: event.target.value })}
                onBlur={leave}
              />
            </>
          )}
          removal={(row, at) =>
            row.key
              ? fill(gettext("Remove {name}"), { name: row.key })
              : fill(gettext("Remove entry {n}"), { n: at + 1 })
          }
          onAdd={show}
          onRemove={choose}
        />
      )}
    </Field>
  );
}

interface ChipsProps extends ControlProps {
  readonly suggestions: readonly string[];
}

/** Names as chips, with suggestions. Enter, a comma or leaving the field adds the typed name. */
export function ChipsField(props: ChipsProps): ReactNode {
  const { path, label, help, placeholder = "", suggestions } = props;
  const { value, choose } = useWriting(props);
  const [text, setText] = useState("");
  const input = useRef<HTMLInputElement>(null);
  useFocusRequest(path, () => showAndFocus(input.current));
  const names = Array.isArray(value) ? value.map((one) => (typeof one === "string" ? one : looseText(one))) : [];
  const put = (next: string[]): void => choose(next.length ? next : undefined);
  const take = (): void => {
    const more = text.split(/[,\s]+/).filter((name) => name && !names.includes(name));
    setText("");
    if (more.length) put([...names, ...new Set(more)]);
  };
  const open = suggestions.filter((name) => !names.includes(name));
  return (
    <Field path={path} label={label} help={help} tall>
      {(ids) => (
        <>
          <div className="in chipbox">
            {names.map((name) => (
              <span key={name} className="chip">
                {name}
                <button
                  type="button"
                  aria-label={fill(gettext("Remove {name}"), { name })}
                  onClick={() => {
                    put(names.filter((one) => one !== name));
                    input.current?.focus();
                  }}
                >
                  ×
                </button>
              </span>
            ))}
            <input
              ref={input}
              type="text"
              id={ids.id}
              value={text}
              data-own-undo={text ? "" : undefined}
              placeholder={value === MIXED ? gettext("Different values") : names.length ? "" : placeholder}
              aria-describedby={ids.describedBy}
              aria-invalid={ids.invalid || undefined}
              autoComplete="off"
              spellCheck={false}
              onChange={(event) => setText(event.target.value)}
              onBlur={take}
              onKeyDown={(event) => {
                if (event.nativeEvent.isComposing) return;
                if ((event.key === "Enter" || event.key === ",") && text.trim()) {
                  event.preventDefault();
                  take();
                } else if (event.key === "Backspace" && !text && names.length) put(names.slice(0, -1));
              }}
            />
          </div>
          {open.length > 0 && (
            <div className="suggested" role="group" aria-label={fill(gettext("Suggestions for {label}"), { label })}>
              {open.map((name) => (
                <button key={name} type="button" className="chip" onClick={() => put([...names, name])}>
                  {name}
                </button>
              ))}
            </div>
          )}
        </>
      )}
    </Field>
  );
}
