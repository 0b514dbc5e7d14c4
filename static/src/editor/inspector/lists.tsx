/** Lists of texts, and maps of keys that people name. */

import { type ReactNode, useRef, useState } from "react";
import { flushSync } from "react-dom";
import type { Json } from "../../live/protocol";
import { fill, gettext } from "../../words/i18n";
import { bring, type ControlProps, useWriting } from "./controls";
import { Field, Icon } from "./field";
import { sameJson } from "./schema";
import { MIXED, useWish } from "./scope";
import { doubled, looseText, objectOf, readNumber, type Row, rowsOf } from "./values";

function Remove({ label, onClick }: { label: string; onClick: () => void }): ReactNode {
  return (
    <button type="button" className="btn quiet small icon" aria-label={label} title={label} onClick={onClick}>
      <Icon name="minus" small />
    </button>
  );
}

/** Adds to a list and gives the keyboard to what is new, before the next key comes. */
function grow(list: HTMLElement | null, selector: string, add: () => void): void {
  flushSync(add);
  [...(list?.querySelectorAll<HTMLElement>(selector) ?? [])].at(-1)?.focus();
}

/** Rows as they are shown: those of the document, or as they were typed while they say the same. */
function useRows<R>(value: Json | undefined, show: (value: Json | undefined) => R[], read: (rows: readonly R[]) => Json | undefined): [R[], (rows: R[]) => void] {
  const [typed, setTyped] = useState<R[] | null>(null);
  const same = typed !== null && sameJson(read(typed) ?? null, value ?? null);
  return [same ? typed : show(value), setTyped];
}

export function TextsField(props: ControlProps & { single?: boolean; numbers?: boolean }): ReactNode {
  const { path, label, help, required = false, single = false, numbers = false } = props;
  const { value: found, type, choose, leave } = useWriting(props);
  const value = found === MIXED ? undefined : found;
  const list = useRef<HTMLDivElement>(null);
  useWish(path, () => bring(list.current?.querySelector<HTMLElement>("input, button") ?? null));
  const read = (rows: readonly string[]): Json | undefined => {
    const kept = rows.filter((text) => text !== "");
    if (!kept.length) return required ? [] : undefined;
    if (single && kept.length === 1) return kept[0] ?? "";
    return numbers ? kept.map((text) => numberOr(text)) : [...kept];
  };
  const [rows, setRows] = useRows<string>(value, (held) => (Array.isArray(held) ? held.map((one) => (typeof one === "string" ? one : JSON.stringify(one))) : held === undefined ? [] : [typeof held === "string" ? held : JSON.stringify(held)]), read);
  const put = (next: string[], typing: boolean): void => {
    setRows(next);
    (typing ? type : choose)(read(next));
  };
  return (
    <Field path={path} label={label} help={help} required={required} group tall>
      {(ids) => (
        <div ref={list} className="rows">
          {rows.map((text, at) => (
            <div key={at} className="line">
              <input
                type="text"
                className="in"
                value={text}
                autoComplete="off"
                spellCheck={false}
                aria-label={fill(gettext("{label}, entry {n}"), { label, n: at + 1 })}
                aria-invalid={ids.invalid || undefined}
                onChange={(event) => put(rows.map((one, index) => (index === at ? event.target.value : one)), true)}
                onBlur={leave}
              />
              <Remove
                label={fill(gettext("Remove entry {n}"), { n: at + 1 })}
                onClick={() => {
                  put(
                    rows.filter((_, index) => index !== at),
                    false,
                  );
                  list.current?.querySelector<HTMLElement>(".more")?.focus();
                }}
              />
            </div>
          ))}
          <button
            type="button"
            className="btn quiet small more"
            onClick={() => grow(list.current, "input", () => setRows([...rows, ""]))}
          >
            <Icon name="plus" small />
            {gettext("Add entry")}
          </button>
        </div>
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
  const { value: found, type, choose, leave } = useWriting(props);
  const value = found === MIXED ? undefined : found;
  const list = useRef<HTMLDivElement>(null);
  useWish(path, () => bring(list.current?.querySelector<HTMLElement>("input, button") ?? null));
  const read = (rows: readonly Row[]): Json | undefined => {
    const made = objectOf(rows, texts);
    return Object.keys(made).length || required ? made : undefined;
  };
  const [rows, setRows] = useRows<Row>(value, (held) => rowsOf(held, texts), read);
  const put = (next: Row[], typing: boolean): void => {
    setRows(next);
    (typing ? type : choose)(read(next));
  };
  const twice = doubled(rows);
  const change = (at: number, row: Partial<Row>): void =>
    put(
      rows.map((one, index) => (index === at ? { ...one, ...row } : one)),
      true,
    );
  return (
    <Field
      path={path}
      label={label}
      help={help}
      required={required}
      group
      tall
      typed={twice.size ? fill(gettext("{names} stands here twice; the first one counts."), { names: [...twice].join(", ") }) : ""}
    >
      {(ids) => (
        <div ref={list} className="rows">
          {rows.map((row, at) => (
            <div key={at} className="line pair">
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
                aria-label={row.key ? fill(gettext("{label}, value of {name}"), { label, name: row.key }) : fill(gettext("{label}, value {n}"), { label, n: at + 1 })}
                aria-invalid={ids.invalid || undefined}
                onChange={(event) => change(at, { text: event.target.value })}
                onBlur={leave}
              />
              <Remove
                label={row.key ? fill(gettext("Remove {name}"), { name: row.key }) : fill(gettext("Remove entry {n}"), { n: at + 1 })}
                onClick={() => {
                  put(
                    rows.filter((_, index) => index !== at),
                    false,
                  );
                  list.current?.querySelector<HTMLElement>(".more")?.focus();
                }}
              />
            </div>
          ))}
          <button
            type="button"
            className="btn quiet small more"
            onClick={() => grow(list.current, ".pair > input:first-child", () => setRows([...rows, { key: "", text: "" }]))}
          >
            <Icon name="plus" small />
            {gettext("Add entry")}
          </button>
        </div>
      )}
    </Field>
  );
}

interface ChipsProps extends ControlProps {
  readonly suggestions: readonly string[];
}

/** Names as chips, with suggestions; typed ones are taken by Enter, comma or leaving the field. */
export function ChipsField(props: ChipsProps): ReactNode {
  const { path, label, help, placeholder = "", suggestions } = props;
  const { value, choose } = useWriting(props);
  const [text, setText] = useState("");
  const input = useRef<HTMLInputElement>(null);
  useWish(path, () => bring(input.current));
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
