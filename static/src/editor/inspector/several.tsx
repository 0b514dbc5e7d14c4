/** The panel of several selected nodes and edges: common values are edited for all of them at once. */

import { type ReactNode, useId, useMemo } from "react";
import { fill, gettext, ngettext } from "../../words/i18n";
import { count } from "../../words/words";
import { duplicateChosen, removeChosen } from "../commands/commands";
import { performVerb } from "../../document/perform";
import { align } from "../../document/placement-verbs";
import { NumberField, SecondsField } from "./controls";
import { Icon } from "./field";
import { PoolField, PriorityField } from "./policy";
import { NodesScope, ScopeContext, useStore, useSurroundings } from "./scope";

export function SeveralView(): ReactNode {
  const { editing } = useSurroundings();
  const { store } = editing;
  const { nodes, edges } = useStore((now) => now.selection);
  // A new selection needs a new scope.
  // oxlint-disable-next-line react/exhaustive-deps
  const scope = useMemo(() => new NodesScope(editing, () => store.selection.nodes), [editing, store, nodes]);
  const counts = [
    nodes.size ? fill(ngettext("{n} node", "{n} nodes", nodes.size), { n: count(nodes.size) }) : "",
    edges.size ? fill(ngettext("{n} edge", "{n} edges", edges.size), { n: count(edges.size) }) : "",
  ].filter(Boolean);
  return (
    <ScopeContext value={scope}>
      <div className="phead">
        <h1>{counts.join(" · ")}</h1>
        <div className="meta">{gettext("selected")}</div>
      </div>
      <div className="pbody" tabIndex={-1}>
        <section className="fields">
          <div className="row wrap">
            {nodes.size > 0 && (
              <button type="button" className="btn" onClick={() => duplicateChosen(editing)}>
                <Icon name="copy" small />
                {gettext("Duplicate")}
              </button>
            )}
            <button type="button" className="btn danger" onClick={() => removeChosen(editing)}>
              <Icon name="trash" small />
              {gettext("Delete")}
            </button>
          </div>
          {nodes.size > 1 && (
            <>
              <Alignments />
              <Common />
            </>
          )}
        </section>
      </div>
    </ScopeContext>
  );
}

const WAYS: readonly { how: Parameters<typeof align>[2]; label: () => string }[] = [
  { how: "left", label: () => gettext("Left") },
  { how: "center", label: () => gettext("Centre") },
  { how: "right", label: () => gettext("Right") },
  { how: "top", label: () => gettext("Top") },
  { how: "middle", label: () => gettext("Middle") },
  { how: "bottom", label: () => gettext("Bottom") },
  { how: "across", label: () => gettext("Spread across") },
  { how: "down", label: () => gettext("Spread down") },
];

function Alignments(): ReactNode {
  const { editing } = useSurroundings();
  const label = useId();
  const { nodes } = useStore((store) => store.selection);
  const ways = nodes.size > 2 ? WAYS : WAYS.filter(({ how }) => how !== "across" && how !== "down");
  return (
    <div className="field" role="group" aria-labelledby={label}>
      <span className="label" id={label}>
        {gettext("Align")}
      </span>
      <div className="aligns">
        {ways.map(({ how, label: word }) => (
          <button
            key={how}
            type="button"
            className="btn small"
            onClick={() =>
              performVerb(editing, align(editing.store.doc, editing.store.selection.nodes, how, editing.canvas.placeOf))
            }
          >
            {word()}
          </button>
        ))}
      </div>
    </div>
  );
}

function Common(): ReactNode {
  return (
    <>
      <h2>{gettext("Shared settings")}</h2>
      <div className="two wide">
        <PoolField short />
        <PriorityField short />
      </div>
      <div className="two">
        <SecondsField path={SOFT} label={gettext("Soft time limit")} none={gettext("No limit")} placeholder="300" />
        <SecondsField path={HARD} label={gettext("Hard time limit")} none={gettext("No limit")} placeholder="600" />
      </div>
      <div className="two">
        <NumberField path={RETRIES} label={gettext("Retries")} whole placeholder="0" />
        <SecondsField path={DELAY} label={gettext("Delay")} placeholder="5" />
      </div>
      <NumberField path={MEMORY} label={gettext("Memory")} whole unit="MB" placeholder={gettext("no limit")} />
    </>
  );
}

const SOFT = ["policy", "soft_timeout"];
const HARD = ["policy", "hard_timeout"];
const RETRIES = ["policy", "retries"];
const DELAY = ["policy", "retry_delay"];
const MEMORY = ["policy", "memory_mb"];
