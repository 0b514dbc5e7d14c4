/** The form of a node's config, made from the JSON Schema of its type.
 *
 * The form's library resolves the schema (references, alternatives, lists); every value is shown and written by a field
 * of ours that listens to its own place in the document, so one change draws one field.
 */

// The index of the package also names parts for tests, which ask for what is not installed.
import { isObject, type Json, type JsonObject } from "../../json";
import LibraryList from "@rjsf/core/lib/components/fields/ArrayField.js";
import Form from "@rjsf/core/lib/components/Form.js";
import type {
  ArrayFieldTemplateProps,
  FieldProps,
  FieldTemplateProps,
  MultiSchemaFieldTemplateProps,
  ObjectFieldTemplateProps,
  RJSFSchema,
  UiSchema,
  UnsupportedFieldProps,
  WidgetProps,
} from "@rjsf/utils";
import { type ComponentType, createContext, type ReactNode, useContext, useMemo, useRef } from "react";
import type { Path } from "../../document/changes";

import { fill, gettext, ngettext } from "../../words/i18n";
import { CodeControl } from "./code-field";
import { bring, ChoiceField, NumberField, ScalarField, SeveralField, SwitchField, TextField } from "./controls";
import { Field, Icon, Sayings } from "./field";
import { JsonField } from "./json-field";
import { MapField, TextsField } from "./lists";
import {
  changeBetween,
  cleaned,
  controlOf,
  labelOf,
  requiredAt,
  schemaAt,
  startOf,
  uiOf,
  withoutDefaults,
} from "./schema";
import { useSaid, useScope, useSurroundings, useValue, useWish } from "./scope";
import { formValidator } from "./validator";
import { looseText, setCount } from "./values";

interface FormFacts {
  readonly node: string;
  readonly schema: JsonObject;
}

const FactsContext = createContext<FormFacts | null>(null);

function useFacts(): FormFacts {
  const facts = useContext(FactsContext);
  if (!facts) throw new Error("outside of a form");
  return facts;
}

const textOf = (value: Json | undefined): string => (typeof value === "string" ? value : "");

/** One value. */
function Leaf({ schema: given, fieldPathId, name, required: must }: FieldProps): ReactNode {
  const { node, schema: whole } = useFacts();
  const path = fieldPathId.path;
  const known = schemaAt(whole, path);
  const schema = known ?? given;
  const required = known ? requiredAt(whole, path) : must === true;
  const control = controlOf(schema);
  const item = typeof path.at(-1) === "number";
  const fallback = schema["default"];
  const shared = {
    path: ["config", ...path] as Path,
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

/** A choice whose default stands for leaving the field out. */
function DefaultChoice({
  fallback,
  ...props
}: Parameters<typeof ChoiceField>[0] & { fallback: Json | undefined }): ReactNode {
  if (fallback === undefined) return <ChoiceField {...props} />;
  const rest = props.options.filter((option) => JSON.stringify(option.value) !== JSON.stringify(fallback));
  const own = props.options.find((option) => JSON.stringify(option.value) === JSON.stringify(fallback));
  return <ChoiceField {...props} options={rest} unset={own?.label ?? looseText(fallback)} />;
}

/** A group of fields; inside of another one it is folded, and says how many of its fields are set. */
function Group({ fieldPathId, properties, title, schema }: ObjectFieldTemplateProps): ReactNode {
  const path = fieldPathId.path;
  const content = properties.filter((property) => !property.hidden).map((property) => property.content);
  if (!path.length || typeof path.at(-1) === "number") return <div className="fields">{content}</div>;
  return (
    <Fold
      path={["config", ...path]}
      title={title || labelOf(schema, String(path.at(-1)))}
      help={textOf((schema as JsonObject)["description"])}
    >
      {content}
    </Fold>
  );
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
  const said = useSaid(path);
  const ref = useRef<HTMLElement>(null);
  useWish(path, () => {
    const fold = ref.current?.closest("details");
    if (fold) fold.open = true;
    bring(ref.current);
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
      <Sayings said={said} />
    </details>
  );
}

/** A list whose entries are forms of their own. */
function Items({ fieldPathId, items, title, schema }: ArrayFieldTemplateProps): ReactNode {
  const { schema: whole } = useFacts();
  const scope = useScope();
  const { editing } = useSurroundings();
  const path = useMemo(() => ["config", ...fieldPathId.path], [fieldPathId]);
  const value = useValue(path);
  const list = Array.isArray(value) ? value : [];
  const box = useRef<HTMLDivElement>(null);
  const label = title || labelOf(schema, String(path.at(-1)));
  const part = schemaAt(whole, fieldPathId.path) ?? (schema as JsonObject);
  useWish(path, () => bring(box.current?.querySelector<HTMLElement>(":scope > .more") ?? null));
  const put = (next: Json[]): void => {
    editing.store.endMerging();
    scope.write(path, next.length || requiredAt(whole, fieldPathId.path) ? next : undefined, label);
    editing.store.endMerging();
  };
  return (
    <Field
      path={path}
      label={label}
      help={textOf(part["description"])}
      required={requiredAt(whole, fieldPathId.path)}
      group
      tall
    >
      {() => (
        <div className="rows" ref={box}>
          {items.map((item, at) => (
            <div
              key={item.key}
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
              {item}
            </div>
          ))}
          <button
            type="button"
            className="btn quiet small more"
            onClick={() => put([...list, startOf(isObject(part["items"]) ? part["items"] : {})])}
          >
            <Icon name="plus" small />
            {gettext("Add entry")}
          </button>
        </div>
      )}
    </Field>
  );
}

/** Alternatives: which one, and its fields. */
function Alternatives({ selector, optionSchemaField }: MultiSchemaFieldTemplateProps): ReactNode {
  return (
    <div className="ways">
      {selector}
      {optionSchemaField}
    </div>
  );
}

/** The library's own choice among alternatives. */
function WaySelect({ id, value, options, onChange, label }: WidgetProps): ReactNode {
  return (
    <select
      id={id}
      className="in"
      aria-label={label || gettext("Kind")}
      value={String(value ?? "")}
      onChange={(event) => onChange(Number(event.target.value))}
    >
      {(options.enumOptions ?? []).map((option, at) => (
        <option key={at} value={String(option.value)}>
          {option.label}
        </option>
      ))}
    </select>
  );
}

const Bare = ({ children, hidden }: FieldTemplateProps): ReactNode => (hidden ? null : children);
const Nothing = (): null => null;

function Unsupported({ fieldPathId }: UnsupportedFieldProps): ReactNode {
  return (
    <JsonField path={["config", ...fieldPathId.path]} label={String(fieldPathId.path.at(-1) ?? gettext("Config"))} />
  );
}

/** Files in a document, and an entry of a schema that holds itself: as JSON, for the form has no end or no place for them. */
const List = (props: FieldProps): ReactNode =>
  props.registry.schemaUtils.isFilesArray(props.schema, props.uiSchema) ? <Whole {...props} /> : <Listed {...props} />;
const Listed = LibraryList as ComponentType<FieldProps>;
const Whole = ({ fieldPathId, name, schema }: FieldProps): ReactNode => (
  <JsonField path={["config", ...fieldPathId.path]} label={labelOf(schema, name)} />
);

const FIELDS = {
  ArrayField: List,
  CyclicSchemaField: Whole,
  Leaf,
  StringField: Leaf,
  NumberField: Leaf,
  BooleanField: Leaf,
  FallbackField: Leaf,
  NullField: Leaf,
};
const WIDGETS = { select: WaySelect, SelectWidget: WaySelect };
const TEMPLATES = {
  FieldTemplate: Bare,
  ObjectFieldTemplate: Group,
  ArrayFieldTemplate: Items,
  ArrayFieldItemTemplate: ({ children }: { children: ReactNode }) => children,
  MultiSchemaFieldTemplate: Alternatives,
  UnsupportedFieldTemplate: Unsupported,
  ErrorListTemplate: Nothing,
  TitleFieldTemplate: Nothing,
  DescriptionFieldTemplate: Nothing,
};
const KEEP = {
  emptyObjectFields: "skipDefaults",
  arrayMinItems: { populate: "never" },
  constAsDefaults: "never",
  requiredBooleanDefault: "skip",
} as const;

export function ConfigForm({ node, schema }: { node: string; schema: JsonObject }): ReactNode {
  const scope = useScope();
  const value = useValue(CONFIG);
  const config = isObject(value as Json | undefined) ? (value as JsonObject) : EMPTY;
  const facts = useMemo(() => ({ node, schema }), [node, schema]);
  const bare = useMemo(() => withoutDefaults(schema) as RJSFSchema, [schema]);
  const ui = useMemo(() => ({ ...uiOf(schema), "ui:submitButtonOptions": { norender: true } }) as UiSchema, [schema]);
  return (
    <FactsContext value={facts}>
      <Form
        tagName="div"
        className="fields"
        idPrefix="config"
        schema={bare}
        uiSchema={ui}
        formData={config}
        validator={formValidator}
        fields={FIELDS}
        widgets={WIDGETS}
        templates={TEMPLATES}
        showErrorList={false}
        noValidate
        noHtml5Validate
        useFallbackUiForUnsupportedType={false}
        experimental_defaultFormStateBehavior={KEEP}
        onChange={({ formData }) => {
          const change = changeBetween(config, (formData ?? {}) as JsonObject);
          if (change?.path.length) scope.write(["config", ...change.path], change.value, String(change.path.at(-1)));
          else if (change) scope.write(CONFIG, change.value ?? {}, gettext("Config"));
        }}
      />
    </FactsContext>
  );
}

const CONFIG: Path = ["config"];
const EMPTY: JsonObject = {};
