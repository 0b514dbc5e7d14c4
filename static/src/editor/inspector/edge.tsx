/** The panel of one edge: its two ends and the data that it passes. */

import { type ReactNode, useId, useState } from "react";
import { edgeKey, nameOf, nodeOf, onlyOrders, sourcePort, targetPort } from "../../document/document";
import { outPorts, usesInputs } from "../../document/ports";
import { fill, gettext } from "../../words/i18n";
import { visible } from "../../words/words";
import { removeChosen, toggleChosenOrder } from "../commands/commands";
import { LateInput } from "./late-input";
import { Icon } from "./field";
import { edgeOf, outputShapeOf } from "./incoming";
import { Columns, outputShapeText } from "./inputs";
import { fromPort, renamedPort } from "./renaming";
import { useStore, useSurroundings } from "./scope";

export function EdgeView({ edge: key }: { edge: string }): ReactNode {
  const { editing } = useSurroundings();
  const { store } = editing;
  const edge = useStore(({ doc }) => edgeOf(doc, key));
  const columns = useStore((now) => (edge ? outputShapeOf(now, editing.facts.types, edge.source).columns : null));
  const kind = useStore((now) => (edge ? outputShapeOf(now, editing.facts.types, edge.source).kind : "unknown"));
  const rows = useStore((now) => (edge ? outputShapeOf(now, editing.facts.types, edge.source).rows : null));
  useStore(({ doc }) => doc.nodes);
  const [open, setOpen] = useState(true);
  const label = useId();
  if (!edge) return null;
  const named = (id: string): string => visible(nameOf(nodeOf(store.doc, id) ?? { id }));
  const target = nodeOf(store.doc, edge.target);
  const source = nodeOf(store.doc, edge.source);
  const orders = onlyOrders(edge);
  const takes = target ? usesInputs(target, editing.facts.types) : true;
  const uses = takes && !orders;
  const ports = source ? outPorts(source, editing.facts.types) : [];
  const from = sourcePort(edge);
  const all = ports.includes(from) ? ports : [from, ...ports];
  return (
    <>
      <div className="phead">
        <div className="row">
          <span className="faint ptype">
            <Icon name="link" />
          </span>
          <h1 className="grow">
            {fill(gettext("{source} to {target}"), { source: named(edge.source), target: named(edge.target) })}
          </h1>
        </div>
        <div className="meta">
          {uses ? outputShapeText({ kind, columns, rows }) : gettext("order only: no data is passed")}
        </div>
      </div>
      <div className="pbody" tabIndex={-1}>
        <section className="fields">
          {([edge.source, edge.target] as const).map((id, at) => (
            <div className="field" key={at}>
              <span className="label">{at ? gettext("To") : gettext("From")}</span>
              <div className="inputrow alone">
                <button type="button" className="source" onClick={() => store.select([id])}>
                  {named(id)}
                </button>
                {at === 0 && all.length > 1 && (
                  <select
                    className="in auto"
                    aria-label={gettext("Output port")}
                    value={from}
                    onChange={(event) => fromPort(editing, edge, event.target.value)}
                  >
                    {all.map((port) => (
                      <option key={port}>{port}</option>
                    ))}
                  </select>
                )}
                {at === 1 && uses && (
                  <LateInput
                    className="in mono"
                    aria-label={gettext("Input port")}
                    value={targetPort(edge)}
                    commit={(text) => renamedPort(editing, edge, text)}
                  />
                )}
              </div>
              {at === 1 && uses && (
                <p className="help">{gettext("The name that the node's code uses for this value.")}</p>
              )}
            </div>
          ))}
          {uses && columns && (
            <details className="fold" open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
              <summary>
                <Icon name="chev" small />
                <span className="strong">{gettext("Columns")}</span>
                <span className="faint">{columns.length}</span>
              </summary>
              <Columns id="edge-columns" columns={columns} label={gettext("Columns")} />
            </details>
          )}
          {(takes || orders) && (
            <div className="field">
              <div className="row between">
                <span className="label" id={label}>
                  {gettext("Only orders")}
                </span>
                <button
                  type="button"
                  role="switch"
                  className="switch"
                  aria-checked={orders}
                  aria-labelledby={label}
                  aria-describedby={`${label}-help`}
                  onClick={() => toggleChosenOrder(editing)}
                >
                  <span />
                </button>
              </div>
              <p className="help" id={`${label}-help`}>
                {gettext("The target waits for the source, but gets no value from it. Press O to switch.")}
              </p>
            </div>
          )}
          <div className="row wrap">
            <button
              type="button"
              className="btn"
              onClick={(event) => {
                const box = event.currentTarget.getBoundingClientRect();
                editing.palette.openMenu({ at: null, edge: edgeKey(edge), client: { x: box.left, y: box.bottom } });
              }}
            >
              <Icon name="plus" small />
              {gettext("Insert a node here")}
            </button>
            <button type="button" className="btn danger" onClick={() => removeChosen(editing)}>
              <Icon name="trash" small />
              {gettext("Delete")}
            </button>
          </div>
        </section>
      </div>
    </>
  );
}
