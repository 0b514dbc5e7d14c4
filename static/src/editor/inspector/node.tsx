/** The panel of one node: its head, config, limits, retries and notes. */

import { isObject } from "../../json";
import type { NodeType } from "../../document/node-type";
import { type ReactNode, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import type { Path } from "../../document/changes";
import { type DocNode, nameOf, nodeOf, typeOf } from "../../document/document";
import { fill, gettext } from "../../words/i18n";
import { visible } from "../../words/words";
import type { Editing } from "../parts";
import { problemField, type Problem } from "../../document/problems";
import { LateInput } from "./late-input";
import { Icon, FieldProblems } from "./field";
import { ConfigForm } from "./form";
import { InputsSection } from "./inputs";
import { JsonField } from "./json-field";
import { ExpectedField, Limits, Notes, PoolField, PriorityField, Retries, tabOf } from "./policy";
import { renamed, withId } from "./renaming";
import { NodeScope, ScopeContext, schemaOf, useFieldProblems, useStore, useSurroundings } from "./scope";
import { Tabs } from "./tabs";

type TabName = ReturnType<typeof tabOf>;

/** The tab that was shown last; the next node opens with it. */
let lastTab: TabName = "config";

export function NodeView({ id }: { id: string }): ReactNode {
  const { editing, focusRequests } = useSurroundings();
  const node = useStore((store) => nodeOf(store.doc, id));
  const schema = node ? schemaOf(editing, node) : null;
  const scope = useMemo(() => new NodeScope(editing, id, schema), [editing, id, schema]);
  const [tab, setTab] = useState<TabName>(lastTab);
  const body = useRef<HTMLDivElement>(null);
  const show = (next: TabName): void => {
    lastTab = next;
    setTab(next);
  };
  const request = useSyncExternalStore(focusRequests.listen, focusRequests.current);
  useEffect(() => {
    if (!request) return;
    const wanted = tabOf(request.path);
    if (wanted !== tab) show(wanted);
    const place = scope.placeOf(request.path);
    if (!place.length) {
      focusRequests.done();
      body.current?.focus();
    } else if (place.length !== request.path.length) focusRequests.request({ path: place, line: request.line });
  }, [request, scope, tab, focusRequests]);
  if (!node) return null;
  return (
    <ScopeContext value={scope}>
      <Head editing={editing} node={node} />
      <NodeTabs id={id} shown={tab} show={show} />
      <div
        className="pbody"
        ref={body}
        id="inspector-body"
        role="tabpanel"
        tabIndex={-1}
        aria-labelledby={`inspector-tab-${tab}`}
      >
        <section>
          {tab === "config" && <Config id={id} type={typeOf(node)} />}
          {tab === "limits" && <Limits />}
          {tab === "retries" && <Retries />}
          {tab === "notes" && <Notes />}
        </section>
      </div>
    </ScopeContext>
  );
}

function Head({ editing, node }: { editing: Editing; node: DocNode }): ReactNode {
  const { nodeFacts } = useSurroundings();
  const type = editing.facts.types.get(typeOf(node));
  const changed = useSyncExternalStore(nodeFacts.listen, () => nodeFacts.changed(node));
  const since =
    changed === null
      ? ""
      : changed === "draft"
        ? gettext("changed in this draft")
        : fill(gettext("last changed in v{n}"), { n: changed });
  const [running, setRunning] = useState(false);
  return (
    <div className="phead">
      <div className="row">
        <span className="faint ptype" title={type?.name ?? ""}>
          <Icon name={type?.icon ?? "dot"} />
        </span>
        <h1 className="sr">{visible(nameOf(node))}</h1>
        <LateInput
          className="pname grow"
          aria-label={gettext("Name")}
          value={typeof node["name"] === "string" ? node["name"] : ""}
          placeholder={node.id}
          commit={(text) => renamed(editing, node.id, text)}
        />
        <button
          type="button"
          className={running ? "btn small busy" : "btn small"}
          data-run-to
          disabled={editing.facts.archived}
          onClick={() => {
            setRunning(true);
            void editing.runs.run([node.id]).finally(() => setRunning(false));
          }}
        >
          <Icon name="play" small />
          {gettext("Run to here")}
        </button>
      </div>
      <div className="meta about">
        <LateInput
          className="pid"
          aria-label={gettext("Id")}
          value={node.id}
          commit={(text) => withId(editing, node.id, text)}
        />
        <span className="anywhere">
          {["", typeOf(node) || gettext("no type"), since].filter((part, at) => at === 0 || part).join(" · ")}
        </span>
      </div>
    </div>
  );
}

const worst = (problems: readonly Problem[]): "error" | "warning" | null =>
  problems.some((one) => one.severity === "error") ? "error" : problems.length ? "warning" : null;

function NodeTabs({ id, shown, show }: { id: string; shown: TabName; show: (name: TabName) => void }): ReactNode {
  const problems = useStore((store) => store.problemsOf(id));
  const tab = (
    name: TabName,
    label: string,
  ): { name: TabName; label: string; problems: "error" | "warning" | null } => ({
    name,
    label,
    problems: worst(problems.filter((one) => tabOf(problemField(one)) === name)),
  });
  return (
    <Tabs
      label={gettext("Parts of the node")}
      shown={shown}
      show={(name) => show(name as TabName)}
      tabs={[
        tab("config", gettext("Config")),
        tab("limits", gettext("Limits")),
        tab("retries", gettext("Retries")),
        tab("notes", gettext("Notes")),
      ]}
    />
  );
}

function Config({ id, type }: { id: string; type: string }): ReactNode {
  const { editing } = useSurroundings();
  const known = editing.facts.types.get(type);
  return (
    <div className="fields">
      <Rest />
      {known ? (
        <TypedConfig id={id} type={known} />
      ) : (
        <>
          <p className="dim">
            {type
              ? fill(
                  gettext(
                    "The node type {type} is not installed here, so there is no form for it. This is its config as JSON.",
                  ),
                  { type: visible(type) },
                )
              : gettext("This node has no type. This is its config as JSON.")}
          </p>
          <JsonField path={CONFIG} label={gettext("Config")} object />
        </>
      )}
      <InputsSection id={id} />
      <div className="two wide">
        <PoolField short />
        <PriorityField short />
      </div>
      <ExpectedField />
    </div>
  );
}

function TypedConfig({ id, type }: { id: string; type: NodeType }): ReactNode {
  const properties = type.config["properties"];
  if (!isObject(properties) || !Object.keys(properties).length) return <p className="dim">{type.description}</p>;
  return <ConfigForm node={id} schema={type.config} />;
}

const CONFIG: Path = ["config"];

const NODE: Path = [];

/** The problems of the node that belong to no field. */
function Rest(): ReactNode {
  const problems = useFieldProblems(NODE);
  return problems.length ? <FieldProblems problems={problems} /> : null;
}
