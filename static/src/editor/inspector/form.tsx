/** The form of a node's config, built from the JSON Schema of its type. It supports any schema, because packages add types
 * of their own. Each field reads and writes its own path in the document, so that a change renders one field.
 */

import { isEqual, isObject, type Json, type JsonObject } from "../../json";
import { createContext, type ReactNode, useContext, useMemo, useRef, useState } from "react";
import type { Path } from "../../document/changes";

import { fill, gettext, ngettext } from "../../words/i18n";
import { CodeControl } from "./code-field";
import { carriedOver, compose, isComposed, nameOfWay, wayOf, waysOf } from "./composition";
import { showAndFocus, ChoiceField, NumberField, ScalarField, SeveralField, SwitchField, TextField } from "./controls";
import { Field, Icon, FieldProblems } from "./field";
import { JsonField } from "./json-field";
import { MapField, TextsField } from "./lists";
import { cleaned, controlOf, labelOf, startOf } from "./schema";
import {
  type FieldValue,
  MIXED,
  useFieldProblems,
  useScope,
  useSurroundings,
  useValue,
  useFocusRequest,
} from "./scope";
import { looseText, setCount } from "./values";

/** The node of the form, and the schema of its whole config, which references point into. */
const FormContext = createContext<{ readonly node: string; readonly root: JsonObject } | null>(null);

function useForm(): { readonly node: string; readonly root: JsonObject } {
  const form = useContext(FormContext);
  if (!form) throw new Error("outside of a form");
  return form;
}

const textOf = (value: Json | undefined): string => (typeof value === "string" ? value : "");
const known = (value: FieldValue): Json | undefined => (value === MIXED ? undefined : value);

/** One part of a config: a value, a group, a list, or a choice among these. */
interface PartProps {
  readonly schema: JsonObject;
  /** The path from the node. */
  readonly path: Path;
  readonly name: string;
  readonly required: boolean;
  /** The references that were followed to this part: a recursive schema ends in a JSON field. */
  readonly followed: readonly string[];
}

export function ConfigForm({ node, schema }: { node: string; schema: JsonObject }): ReactNode {
  const form = useMemo(() => ({ node, root: schema }), [node, schema]);
  return (
    <FormContext value={form}>
      <Part schema={schema} path={CONFIG} name="" required followed={NONE} />
    </FormContext>
  );
}

const CONFIG: Path = ["config"];
const NONE: readonly string[] = [];

function Part(props: PartProps): ReactNode {
  const { kind } = controlOf(props.schema);
  if (isComposed(props.schema) && (kind === "other" || kind === "group")) return <Composed {...props} />;
  switch (kind) {
    case "group":
      return <Group {...props} />;
    case "items":
      return <Items {...props} />;
    case "other":
      return <Alternatives {...props} />;
    default:
      return <Leaf {...props} />;
  }
}

/** A part whose schema depends on its value, or is a reference. */
function Composed(props: PartProps): ReactNode {
  const { root } = useForm();
  const { schema, path, name } = props;
  const composed = compose(schema, known(useValue(path)), root, props.followed);
  if (!composed) return <JsonField path={path} label={labelOf(schema, name || gettext("Config"))} />;
  return <Part {...props} {...composed} />;
}

/** A choice among alternatives, and the fields of the chosen one. */
function Alternatives(props: PartProps): ReactNode {
  const { root } = useForm();
  const { schema, path, name, followed } = props;
  const scope = useScope();
  const { editing } = useSurroundings();
  const ways = waysOf(schema);
  const [shown, setShown] = useState(() => wayOf(ways, known(scope.read(path)), root));
  const { anyOf: _any, oneOf: _one, ...common } = schema;
  const choose = (next: number): void => {
    editing.store.endMerging();
    scope.write(path, carriedOver({ allOf: [common, ways[next] ?? {}] }, known(scope.read(path)), root), name);
    editing.store.endMerging();
    setShown(next);
  };
  return (
    <>
      {isObject(common["properties"]) && <Part {...props} schema={common} />}
      <div className="ways">
        <select
          className="in"
          aria-label={labelOf(schema, name) || gettext("Kind")}
          value={shown}
          onChange={(event) => choose(Number(event.target.value))}
        >
          {ways.map((way, at) => (
            <option key={at} value={at}>
              {nameOfWay(way, at, root)}
            </option>
          ))}
        </select>
        <Part {...props} key={shown} schema={ways[shown] ?? {}} followed={followed} />
      </div>
    </>
  );
}

/** A group of fields. Inside another group it is folded and shows how many of its fields are set. */
function Group({ schema, path, name, followed }: PartProps): ReactNode {
  const properties = isObject(schema["properties"]) ? schema["properties"] : {};
  const required = Array.isArray(schema["required"]) ? schema["required"] : [];
  const content = (
    <>
      {Object.entries(properties).map(([key, part]) => (
        <Part
          key={key}
          schema={isObject(part) ? part : {}}
          path={[...path, key]}
          name={key}
          required={required.includes(key)}
          followed={followed}
        />
      ))}
      {(schema["additionalProperties"] === true || isObject(schema["additionalProperties"])) && (
        <Additional schema={schema} path={path} followed={followed} />
      )}
    </>
  );
  if (path.length === 1 || typeof path.at(-1) === "number") return <div className="fields">{content}</div>;
  return (
    <Fold path={path} title={labelOf(schema, name)} help={textOf(schema["description"])}>
      {content}
    </Fold>
  );
}

/** The values of an object whose keys are not in its schema. */
function Additional({ schema, path, followed }: Pick<PartProps, "schema" | "path" | "followed">): ReactNode {
  const value = known(useValue(path));
  const named = isObject(schema["properties"]) ? schema["properties"] : {};
  const part = isObject(schema["additionalProperties"]) ? schema["additionalProperties"] : {};
  return Object.keys(isObject(value) ? value : {})
    .filter((key) => !(key in named))
    .map((key) => (
      <Part key={key} schema={part} path={[...path, key]} name={key} required={false} followed={followed} />
    ));
}

function Fold({
  path,
  title,
  help,
  children,
}: {
  path: Path;
  title: string;
  help: string;
  children: ReactNode;
}): ReactNode {
  const value = useValue(path);
  const problems = useFieldProblems(path);
  const ref = useRef<HTMLElement>(null);
  useFocusRequest(path, () => {
    const fold = ref.current?.closest("details");
    if (fold) fold.open = true;
    showAndFocus(ref.current);
  });
  const n = typeof value === "symbol" ? 0 : setCount(value);
  return (
    <details className="fold" data-field={path.join(".")}>
      <summary ref={ref}>
        <Icon name="chev" small />
        <span className="strong">{title}</span>
        <span className="faint">{n ? fill(ngettext("{n} set", "{n} set", n), { n }) : ""}</span>
      </summary>
      {help && <p className="help">{help}</p>}
      <div className="fields compact">{children}</div>
      <FieldProblems problems={problems} />
    </details>
  );
}

/** A list whose entries are forms. */
function Items({ schema, path, name, required, followed }: PartProps): ReactNode {
  const { root } = useForm();
  const scope = useScope();
  const { editing } = useSurroundings();
  const value = useValue(path);
  const list = Array.isArray(value) ? value : [];
  const box = useRef<HTMLDivElement>(null);
  const label = labelOf(schema, name);
  const entry = isObject(schema["items"]) ? schema["items"] : {};
  useFocusRequest(path, () => showAndFocus(box.current?.querySelector<HTMLElement>(":scope > .more") ?? null));
  const put = (next: Json[]): void => {
    editing.store.endMerging();
    scope.write(path, next.length || required ? next : undefined, label);
    editing.store.endMerging();
  };
  return (
    <Field path={path} label={label} help={textOf(schema["description"])} required={required} group tall>
      {() => (
        <div className="rows" ref={box}>
          {list.map((_, at) => (
            <div
              key={`${list.length} ${at}`}
              className="item"
              role="group"
              aria-label={fill(gettext("{label}, entry {n}"), { label, n: at + 1 })}
            >
              <div className="itemhead">
                <span className="meta">{at + 1}</span>
                <span className="grow" />
                {at > 0 && (
                  <button
                    type="button"
                    className="btn quiet small icon up"
                    aria-label={fill(gettext("Move entry {n} up"), { n: at + 1 })}
                    title={gettext("Move up")}
                    onClick={() =>
                      put([...list.slice(0, at - 1), list[at] ?? null, list[at - 1] ?? null, ...list.slice(at + 1)])
                    }
                  >
                    <Icon name="chev" small />
                  </button>
                )}
                <button
                  type="button"
                  className="btn quiet small icon"
                  aria-label={fill(gettext("Remove entry {n}"), { n: at + 1 })}
                  title={gettext("Remove")}
                  onClick={() => {
                    put(list.filter((_, index) => index !== at));
                    box.current?.querySelector<HTMLElement>(":scope > .more")?.focus();
                  }}
                >
                  <Icon name="minus" small />
                </button>
              </div>
              <Part schema={entry} path={[...path, at]} name={String(at)} required followed={followed} />
            </div>
          ))}
          <button
            type="button"
            className="btn quiet small more"
            onClick={() => put([...list, startOf(compose(entry, undefined, root, followed)?.schema ?? entry)])}
          >
            <Icon name="plus" small />
            {gettext("Add entry")}
          </button>
        </div>
      )}
    </Field>
  );
}

/** One value. */
function Leaf({ schema, path, name, required }: PartProps): ReactNode {
  const { node } = useForm();
  const control = controlOf(schema);
  const item = typeof path.at(-1) === "number";
  const fallback = schema["default"];
  const shared = {
    path,
    label: item ? fill(gettext("Entry {n}"), { n: Number(path.at(-1)) + 1 }) : labelOf(schema, name),
    help: textOf(schema["description"]),
    required: required && !item,
    placeholder: fallback === undefined ? "" : looseText(fallback),
    clean: (value: Json | undefined, typing: boolean) =>
      cleaned(schema, required, value === undefined && required ? "" : value, typing),
  };
  const unset = required ? null : fallback === undefined ? gettext("Not set") : null;
  switch (control.kind) {
    case "code":
      return (
        <CodeControl
          {...shared}
          node={node}
          kind={control.language}
          loose={control.loose}
          expressions={"x-expression" in schema}
          minLines={control.language === "expression" ? 1 : control.language === "shell" ? 3 : 6}
        />
      );
    case "path":
      return (
        <CodeControl
          {...shared}
          node={node}
          kind={schema["x-path"] === "write" ? "write" : "read"}
          expressions={"x-expression" in schema}
        />
      );
    case "choice":
      return <DefaultChoice {...shared} options={control.options} unset={unset} fallback={fallback} />;
    case "switch":
      return <SwitchField {...shared} fallback={fallback === true} />;
    case "maybe":
      return (
        <ChoiceField
          {...shared}
          unset={required ? null : gettext("Not set")}
          options={[
            { value: true, label: gettext("Yes") },
            { value: false, label: gettext("No") },
          ]}
        />
      );
    case "text":
      return <TextField {...shared} long={control.long} />;
    case "number":
      return "x-expression" in schema ? <ScalarField {...shared} /> : <NumberField {...shared} whole={control.whole} />;
    case "scalar":
      return <ScalarField {...shared} />;
    case "texts":
      return <TextsField {...shared} single={control.single} numbers={control.numbers} />;
    case "several":
      return <SeveralField {...shared} options={control.options} />;
    case "map":
      return <MapField {...shared} texts={control.texts} />;
    default:
      return <JsonField {...shared} />;
  }
}

/** A choice in which the default removes the field. */
function DefaultChoice({
  fallback,
  ...props
}: Parameters<typeof ChoiceField>[0] & { fallback: Json | undefined }): ReactNode {
  if (fallback === undefined) return <ChoiceField {...props} />;
  const rest = props.options.filter((option) => !isEqual(option.value, fallback));
  const own = props.options.find((option) => isEqual(option.value, fallback));
  return <ChoiceField {...props} options={rest} unset={own?.label ?? looseText(fallback)} />;
}
