/** A field that edits a value as JSON, for values that have no form. */

import { type Json, isEqual } from "../../json";
import { type ReactNode, useRef, useState } from "react";

import { fill, gettext } from "../../words/i18n";
import { showAndFocus, type ControlProps, useWriting } from "./controls";
import { Field } from "./field";
import { MIXED, NodeScope, useScope, useFocusRequest } from "./scope";

function read(text: string): { value: Json | undefined } | { wrong: string } {
  if (!text.trim()) return { value: undefined };
  try {
    return { value: JSON.parse(text) as Json };
  } catch (error) {
    return { wrong: error instanceof Error ? error.message : String(error) };
  }
}

interface Typed {
  readonly text: string;
  /** The value of the field when the text was typed. */
  readonly of: Json | undefined;
}

/** Texts that are not JSON yet, by node and path. They are shown again when the user returns to the field. */
const unfinished = new Map<string, Typed>();

/** Writes the text as soon as it is valid. */
export function JsonField(props: ControlProps & { rows?: number; object?: boolean }): ReactNode {
  const { path, label, help, required = false, object = false } = props;
  const { value: found, type, leave } = useWriting(props);
  const value = found === MIXED ? undefined : found;
  const scope = useScope();
  const place = `${scope instanceof NodeScope ? scope.node : scope.key} ${JSON.stringify(path)}`;
  const [typed, setNow] = useState<Typed | null>(unfinished.get(place) ?? null);
  const setTyped = (next: Typed | null, isFine = true): void => {
    setNow(next);
    if (next && !isFine) unfinished.set(place, next);
    else unfinished.delete(place);
  };
  const area = useRef<HTMLTextAreaElement>(null);
  useFocusRequest(path, () => showAndFocus(area.current));
  const fits = typed !== null && isEqual(typed.of ?? null, value ?? null);
  const text = fits ? typed.text : value === undefined ? "" : JSON.stringify(value, null, 2);
  const result = fits ? read(typed.text) : { value };
  const wrong =
    "wrong" in result
      ? fill(gettext("Invalid JSON: {why}"), { why: result.wrong })
      : object &&
          result.value !== undefined &&
          (typeof result.value !== "object" || result.value === null || Array.isArray(result.value))
        ? gettext("Enter an object: { … }")
        : "";
  const rows = Math.min(props.rows ?? 24, Math.max(4, text.split("\n").length));
  return (
    <Field path={path} label={label} help={help} required={required} typed={wrong} tall>
      {(ids) => (
        <textarea
          ref={area}
          id={ids.id}
          className="in mono"
          rows={rows}
          value={text}
          spellCheck={false}
          aria-describedby={ids.describedBy}
          aria-invalid={ids.invalid || undefined}
          onChange={(event) => {
            const next = read(event.target.value);
            const fine =
              !("wrong" in next) &&
              (!object ||
                next.value === undefined ||
                (typeof next.value === "object" && next.value !== null && !Array.isArray(next.value)));
            setTyped({ text: event.target.value, of: fine && "value" in next ? next.value : value }, fine);
            if (fine && "value" in next) type(next.value);
          }}
          onBlur={() => {
            if (!wrong) setTyped(null);
            leave();
          }}
        />
      )}
    </Field>
  );
}
