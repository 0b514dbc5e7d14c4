/** The panel without a selection: the settings of the workflow, and the inputs of its runs. */

import { type ReactNode, useEffect, useMemo, useRef, useSyncExternalStore } from "react";
import type { Path } from "../../document/changes";
import { fill, gettext, ngettext } from "../../words/i18n";
import { count, visible } from "../../words/words";
import { ChoiceField, NumberField, SecondsField } from "./controls";
import { FieldProblems } from "./field";
import { ScopeContext, useFieldProblems, useStore, useSurroundings, WorkflowScope } from "./scope";
import { WorkflowInputs } from "./workflow-inputs";

export function WorkflowView(): ReactNode {
  const { editing, focusRequests } = useSurroundings();
  const scope = useMemo(() => new WorkflowScope(editing), [editing]);
  const nodes = useStore((store) => store.doc.nodes.length);
  const edges = useStore((store) => store.doc.edges.length);
  const body = useRef<HTMLDivElement>(null);
  const request = useSyncExternalStore(focusRequests.listen, focusRequests.current);
  useEffect(() => {
    if (!request) return;
    const place = scope.placeOf(request.path);
    if (!place.length) {
      focusRequests.done();
      body.current?.focus();
    } else if (place.length !== request.path.length) focusRequests.request({ path: place, line: null });
  }, [request, scope, focusRequests]);
  const size = [
    fill(ngettext("{n} node", "{n} nodes", nodes), { n: count(nodes) }),
    fill(ngettext("{n} edge", "{n} edges", edges), { n: count(edges) }),
  ].join(" · ");
  return (
    <ScopeContext value={scope}>
      <div className="phead">
        <div className="row">
          <h1 className="grow">{visible(editing.facts.name)}</h1>
          <a className="btn small" href={`${editing.facts.address}settings/`}>
            {gettext("Name and tags")}
          </a>
        </div>
        <div className="meta">{fill(gettext("Workflow settings · {size}"), { size })}</div>
      </div>
      <div className="pbody" ref={body} tabIndex={-1}>
        <Rest />
        <section className="fields">
          <WorkflowInputs />
        </section>
        <section className="fields ruled">
          <Settings />
        </section>
      </div>
    </ScopeContext>
  );
}

/** The problems of the workflow that belong to no field. */
function Rest(): ReactNode {
  const problems = useFieldProblems(WORKFLOW);
  // The canvas of an empty workflow explains how to begin, so its problem is not shown.
  const empty = useStore((store) => !store.doc.nodes.length);
  if (!problems.length || empty) return null;
  return (
    <section>
      <FieldProblems problems={problems} />
    </section>
  );
}

const WORKFLOW: Path = [];
const setting = (name: string): Path => ["settings", name];
const PRIORITY = setting("priority");
const CONCURRENT = setting("max_concurrent");
const RUNS = setting("max_runs");
const TIMEOUT = setting("timeout");
const FAILURE = setting("on_failure");

function Settings(): ReactNode {
  return (
    <>
      <h2>{gettext("Runs")}</h2>
      <ChoiceField
        path={FAILURE}
        label={gettext("When a node fails")}
        unset={gettext("Stop")}
        clean={(value) => value ?? undefined}
        options={[{ value: "continue", label: gettext("Continue other branches") }]}
        help={gettext(
          "Stop: no new nodes start; running ones finish. Continue: branches that do not depend on it go on.",
        )}
      />
      <div className="two">
        <ChoiceField
          path={PRIORITY}
          label={gettext("Priority")}
          unset={fill(gettext("{n} (default)"), { n: 5 })}
          clean={(value) => value ?? undefined}
          options={[1, 2, 3, 4, 5, 6, 7, 8, 9].map((value) => ({ value, label: String(value) }))}
        />
        <SecondsField path={TIMEOUT} label={gettext("Run time limit")} placeholder={gettext("no limit")} />
      </div>
      <div className="two">
        <NumberField
          path={CONCURRENT}
          label={gettext("Nodes at once")}
          whole
          placeholder={gettext("no limit")}
          help={gettext("Within one run.")}
        />
        <NumberField
          path={RUNS}
          label={gettext("Runs at once")}
          whole
          placeholder={gettext("no limit")}
          help={gettext("Further runs wait in the queue.")}
        />
      </div>
    </>
  );
}
