/** The inputs and outputs of a node: ports, the nodes at their other ends, and columns as far as they are known. */

import { type ReactNode, useId, useState } from "react";
import { type DocEdge, edgeKey, nameOf, nodeOf, onlyOrders, sourcePort, targetPort } from "../../document/document";
import { edgesInto, edgesOutOf, outPorts, usesInputs } from "../../document/ports";
import { fill, gettext, ngettext } from "../../words/i18n";
import { count, visible } from "../../words/words";
import type { Column } from "../../document/store";
import { LateInput } from "./late-input";
import { Icon } from "./field";
import { type OutputShape, outputShapeOf } from "./incoming";
import { renamedPort } from "./renaming";
import { useStore, useSurroundings } from "./scope";

export function InputsSection({ id }: { id: string }): ReactNode {
  const { editing } = useSurroundings();
  const edges = useStore((store) => edgesInto(store.doc, id));
  const node = useStore((store) => nodeOf(store.doc, id));
  const uses = node ? usesInputs(node, editing.facts.types) : true;
  const label = useId();
  return (
    <>
      <div className="field">
        <span className="label" id={label}>
          {uses ? gettext("Inputs") : gettext("Runs after")}
        </span>
        {edges.length ? (
          <ul className="inputs" aria-labelledby={label}>
            {edges.map((edge) => (
              <InputRow key={edgeKey(edge)} edge={edge} uses={uses} />
            ))}
          </ul>
        ) : (
          <p className="help">
            {uses
              ? gettext("None yet. Connect a node to this one.")
              : gettext("Starts immediately. A connection makes it wait, but passes no data.")}
          </p>
        )}
        {!uses && edges.length > 0 && (
          <p className="help">{gettext("These connections only set the order. They pass no data.")}</p>
        )}
      </div>
      <Outputs id={id} />
    </>
  );
}

function InputRow({ edge, uses }: { edge: DocEdge; uses: boolean }): ReactNode {
  const { editing } = useSurroundings();
  const brings = uses && !onlyOrders(edge);
  const source = useStore((store) => nodeOf(store.doc, edge.source));
  const columns = useStore((store) => outputShapeOf(store, editing.facts.types, edge.source).columns);
  const kind = useStore((store) => outputShapeOf(store, editing.facts.types, edge.source).kind);
  const [open, setOpen] = useState(false);
  const panel = useId();
  const name = source ? visible(nameOf(source)) : edge.source;
  const port = targetPort(edge);
  const from = sourcePort(edge);
  return (
    <li>
      <div className="inputrow">
        <span className="faint" aria-hidden="true">
          <Icon name="link" small />
        </span>
        {brings ? (
          <LateInput
            className="port mono"
            aria-label={fill(gettext("Port that takes the output of {name}"), { name })}
            value={port}
            commit={(text) => renamedPort(editing, edge, text)}
          />
        ) : null}
        <button
          type="button"
          className="source"
          title={fill(gettext("Choose {name}"), { name })}
          onClick={() => editing.store.select([edge.source])}
        >
          {from === "out" ? name : `${name} · ${from}`}
        </button>
        {uses && !brings && <span className="about">{gettext("only orders")}</span>}
        {brings &&
          (columns ? (
            <button
              type="button"
              className="about"
              aria-expanded={open}
              aria-controls={panel}
              onClick={() => setOpen(!open)}
            >
              {outputShapeText({ kind, columns, rows: null })}
              <Icon name="chev" small />
            </button>
          ) : (
            <span className="about">{outputShapeText({ kind, columns, rows: null })}</span>
          ))}
      </div>
      {open && columns && <Columns id={panel} columns={columns} label={fill(gettext("Columns of {name}"), { name })} />}
    </li>
  );
}

export function outputShapeText({ kind, columns, rows }: OutputShape): string {
  const width = columns && fill(ngettext("{n} column", "{n} columns", columns.length), { n: count(columns.length) });
  const height = rows === null ? null : fill(ngettext("{n} row", "{n} rows", rows), { n: count(rows) });
  if (kind === "unknown") return gettext("not known yet");
  return [kind === "table" ? gettext("table") : gettext("value"), height, width].filter(Boolean).join(" · ");
}

export function Columns({ id, columns, label }: { id: string; columns: readonly Column[]; label: string }): ReactNode {
  return (
    <ul className="columns" id={id} aria-label={label} tabIndex={0}>
      {columns.map((column) => (
        <li key={column.name}>
          <code>{visible(column.name)}</code>
          <span className="faint">{column.type.toLowerCase()}</span>
        </li>
      ))}
    </ul>
  );
}

/** The output ports of a node and their targets. A node with the default port only shows none. */
function Outputs({ id }: { id: string }): ReactNode {
  const { editing } = useSurroundings();
  const out = useStore((store) => edgesOutOf(store.doc, id));
  const node = useStore((store) => nodeOf(store.doc, id));
  const label = useId();
  const ports = node ? outPorts(node, editing.facts.types) : [];
  if (!ports.length || (ports.length === 1 && ports[0] === "out")) return null;
  return (
    <div className="field">
      <span className="label" id={label}>
        {gettext("Outputs")}
      </span>
      <ul className="inputs" aria-labelledby={label}>
        {ports.map((port) => {
          const targets = out.filter((edge) => sourcePort(edge) === port);
          return (
            <li key={port}>
              <div className="inputrow">
                <span className="mono port">{port}</span>
                {targets.length ? (
                  targets.map((edge) => (
                    <button
                      key={edgeKey(edge)}
                      type="button"
                      className="source"
                      onClick={() => editing.store.select([edge.target])}
                    >
                      {visible(nameOf(nodeOf(editing.store.doc, edge.target) ?? { id: edge.target }))}
                    </button>
                  ))
                ) : (
                  <span className="about">{gettext("leads nowhere")}</span>
                )}
              </div>
            </li>
          );
        })}
      </ul>
    </div>
  );
}
