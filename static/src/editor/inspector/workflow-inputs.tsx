/** The inputs of a workflow's runs, as rows or as JSON Schema. */

import { isObject, type Json, type JsonObject } from "../../json";
import { type ReactNode, useMemo, useRef, useState } from "react";
import { flushSync } from "react-dom";
import type { Path } from "../../document/changes";
import { fill, gettext } from "../../words/i18n";
import { visible } from "../../words/words";
import { ChoiceField, NumberField, TextField } from "./controls";
import { LateInput } from "./late-input";
import { Field, Icon, FieldProblems } from "./field";
import { JsonField } from "./json-field";
import { TextsField } from "./lists";
import {
  added,
  type InputKind,
  kindOf,
  nameFault,
  propertiesOf,
  renamedInput,
  requiredOf,
  saysMore,
  turned,
  withRequired,
  without,
} from "./run-inputs";
import type { Option } from "./schema";
import { useFieldProblems, useScope, useStore, useSurroundings, useValue, useFocusRequest } from "./scope";

const INPUTS: Path = ["inputs"];

export function WorkflowInputs(): ReactNode {
  const { editing } = useSurroundings();
  const scope = useScope();
  const inputs = useStore((store) => store.doc["inputs"] as Json | undefined);
  const [raw, setRaw] = useState(false);
  const [opened, setOpened] = useState("");
  const more = useRef<HTMLButtonElement>(null);
  const problems = useFieldProblems(INPUTS);
  useFocusRequest(INPUTS, () => more.current?.focus());
  const names = Object.keys(propertiesOf(inputs));
  const plain = inputs === undefined || inputs === null || isObject(inputs);
  return (
    <>
      <div className="row">
        <h2 className="grow">{gettext("Inputs")}</h2>
        <button type="button" className="fix plain" aria-pressed={raw} onClick={() => setRaw(!raw)}>
          {raw ? gettext("As rows") : gettext("As JSON Schema")}
        </button>
      </div>
      {raw || !plain ? (
        <JsonField
          path={INPUTS}
          label={gettext("JSON Schema of inputs")}
          object
          help={gettext("An object, with the inputs under properties.")}
        />
      ) : (
        <>
          <p className="help">
            {names.length
              ? gettext("Requested when a run starts. Use them in expressions as {{ inputs.name }}.")
              : gettext(
                  "Values supplied when a run starts, such as a month or path. Use them in expressions as {{ inputs.name }}.",
                )}
          </p>
          {names.length > 0 && (
            <ul className="runinputs">
              {names.map((name, at) => (
                <InputRow key={at} name={name} open={opened === name} />
              ))}
            </ul>
          )}
          {saysMore(inputs) && (
            <p className="help">{gettext("The JSON Schema has settings that these rows do not show.")}</p>
          )}
          <FieldProblems problems={problems} />
          <button
            ref={more}
            type="button"
            className="btn quiet small more"
            onClick={() => {
              const { schema, name } = added(inputs);
              editing.store.endMerging();
              flushSync(() => {
                setOpened(name);
                scope.write(INPUTS, schema, gettext("inputs"));
              });
              editing.store.endMerging();
              const field = [
                ...(more.current?.closest("section")?.querySelectorAll<HTMLInputElement>(".inputname") ?? []),
              ].at(-1);
              field?.focus();
              field?.select();
            }}
          >
            <Icon name="plus" small />
            {gettext("Add an input")}
          </button>
        </>
      )}
    </>
  );
}

const KINDS: readonly { value: InputKind; label: () => string }[] = [
  { value: "string", label: () => gettext("Text") },
  { value: "integer", label: () => gettext("Whole number") },
  { value: "number", label: () => gettext("Number") },
  { value: "boolean", label: () => gettext("Yes or no") },
  { value: "date", label: () => gettext("Date") },
  { value: "date-time", label: () => gettext("Date and time") },
  { value: "strings", label: () => gettext("List of texts") },
];

const FAULTS: Readonly<Record<"empty" | "taken" | "form", () => string>> = {
  empty: () => gettext("Enter a name."),
  taken: () => gettext("Another input has this name."),
  form: () => gettext("Use letters, digits and _, not starting with a digit."),
};

function InputRow({ name, open }: { name: string; open: boolean }): ReactNode {
  const { editing } = useSurroundings();
  const { store } = editing;
  const scope = useScope();
  const path = useMemo(() => ["inputs", "properties", name], [name]);
  const found = useValue(path);
  const problems = useFieldProblems(path);
  const needed = useStore((now) => requiredOf(now.doc["inputs"] as Json | undefined).includes(name));
  const [fault, setFault] = useState("");
  const [unfolded, setUnfolded] = useState(open);
  const fold = useRef<HTMLDetailsElement>(null);
  useFocusRequest(path, () => {
    if (fold.current) fold.current.open = true;
    fold.current?.querySelector<HTMLElement>("input")?.focus();
  });
  const property: JsonObject = isObject(found as Json | undefined) ? (found as JsonObject) : {};
  const kind = kindOf(found as Json | undefined);
  const inputs = (): Json | undefined => store.doc["inputs"] as Json | undefined;
  const step = (run: () => void): void => {
    store.endMerging();
    run();
    store.endMerging();
  };
  const rename = (to: string): void => {
    const wrong = nameFault(inputs(), to);
    setFault(wrong ? `${FAULTS[wrong]()} ${fill(gettext("The name is still {name}."), { name })}` : "");
    if (!wrong)
      step(() =>
        store.edit(renamedInput(store.doc, editing.facts.types, name, to), {
          label: fill(gettext("Rename input {name}"), { name }),
        }),
      );
  };
  const enumOptions: Option[] = Array.isArray(property["enum"])
    ? property["enum"].map((value) => ({ value, label: typeof value === "string" ? value : JSON.stringify(value) }))
    : [];
  const at = (field: string): Path => [...path, field];
  return (
    <li>
      <details className="fold" ref={fold} open={unfolded} onToggle={(event) => setUnfolded(event.currentTarget.open)}>
        <summary>
          <Icon name="chev" small />
          <span className="mono cut">{visible(name)}</span>
          {needed && <span className="must">*</span>}
          <span className="faint grow cut">
            {typeof property["title"] === "string" ? visible(property["title"]) : ""}
          </span>
          {problems.length > 0 && <Icon name="warn" small />}
          <span className="faint">{KINDS.find((one) => one.value === kind)?.label() ?? gettext("JSON")}</span>
        </summary>
        <div className="fields">
          <div className="two">
            <div className="field">
              <span className="label">{gettext("Name")}</span>
              <LateInput
                className="in mono inputname"
                aria-label={fill(gettext("Name of input {name}"), { name })}
                value={name}
                commit={rename}
              />
              {fault && (
                <p className="wrong" role="alert">
                  {fault}
                </p>
              )}
            </div>
            <Field path={at("type")} label={gettext("Type")}>
              {(ids) => (
                <select
                  id={ids.id}
                  className="in"
                  value={kind}
                  onChange={(event) =>
                    step(() =>
                      scope.write(
                        path,
                        turned(property, event.target.value as InputKind),
                        fill(gettext("input {name}"), { name }),
                      ),
                    )
                  }
                >
                  {kind === "other" && <option value="other">{gettext("Defined in JSON")}</option>}
                  {KINDS.map((one) => (
                    <option key={one.value} value={one.value}>
                      {one.label()}
                    </option>
                  ))}
                </select>
              )}
            </Field>
          </div>
          {kind === "other" ? (
            <JsonField path={path} label={gettext("JSON Schema")} object />
          ) : (
            <>
              <TextField path={at("title")} label={gettext("Title")} placeholder={name} />
              <TextField path={at("description")} label={gettext("Help")} />
              <Default path={at("default")} kind={kind} options={enumOptions} />
              {(kind === "string" || kind === "integer" || kind === "number") && (
                <TextsField
                  path={at("enum")}
                  label={gettext("Only these values")}
                  numbers={kind !== "string"}
                  help={enumOptions.length ? undefined : gettext("Any value if empty.")}
                />
              )}
              {(kind === "integer" || kind === "number") && (
                <div className="two">
                  <NumberField path={at("minimum")} label={gettext("At least")} whole={kind === "integer"} />
                  <NumberField path={at("maximum")} label={gettext("At most")} whole={kind === "integer"} />
                </div>
              )}
            </>
          )}
          <div className="row">
            <label className="check grow">
              <input
                type="checkbox"
                checked={needed}
                onChange={() =>
                  step(() =>
                    scope.write(INPUTS, withRequired(inputs(), name, !needed), fill(gettext("input {name}"), { name })),
                  )
                }
              />
              {gettext("Required")}
            </label>
            <button
              type="button"
              className="btn quiet small danger"
              onClick={(event) => {
                event.currentTarget.closest("section")?.querySelector<HTMLElement>(".more:not(.rows .more)")?.focus();
                step(() => scope.write(INPUTS, without(inputs(), name), fill(gettext("input {name}"), { name })));
              }}
            >
              <Icon name="trash" small />
              {gettext("Remove")}
            </button>
          </div>
        </div>
      </details>
      <FieldProblems problems={problems} />
    </li>
  );
}

function Default({ path, kind, options }: { path: Path; kind: InputKind; options: readonly Option[] }): ReactNode {
  const label = gettext("Default");
  if (options.length) return <ChoiceField path={path} label={label} options={options} unset={gettext("None")} list />;
  switch (kind) {
    case "integer":
    case "number":
      return <NumberField path={path} label={label} whole={kind === "integer"} />;
    case "boolean":
      return (
        <ChoiceField
          path={path}
          label={label}
          unset={gettext("None")}
          options={[
            { value: true, label: gettext("Yes") },
            { value: false, label: gettext("No") },
          ]}
        />
      );
    case "strings":
      return <TextsField path={path} label={label} />;
    default:
      return (
        <TextField
          path={path}
          label={label}
          placeholder={kind === "date" ? "2026-01-31" : kind === "date-time" ? "2026-01-31T08:00:00Z" : ""}
        />
      );
  }
}
