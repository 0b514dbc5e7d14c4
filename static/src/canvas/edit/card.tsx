/** The card of a node in the editor, with its ports. */

import { CardText, cardTitle, Icon } from "../card-parts";
import type { ReactNode } from "react";
import { stateLook, visible } from "../../words/words";
import type { CardLine } from "../card-line";
import { NAMED_PORTS_MAX, portOffset } from "./scene";

export interface EditCardFacts {
  readonly id: string;
  readonly name: string;
  readonly icon: string;
  readonly line: CardLine;
  /** State in the followed run, "failed" for an error, "stuck" for a warning; empty: none. */
  readonly state: string;
  readonly problem: "error" | "warning" | "";
  readonly fraction: number | null;
  /** "new" or "changed" compared with another version; empty: neither. */
  readonly mark: string;
  readonly ports: readonly string[];
  readonly chosen: boolean;
  readonly focused: boolean;
  /** While a connection is drawn: whether it may end here. */
  readonly connectable: "may" | "must not" | "";
  /** While a connection is drawn: this is its present target. */
  readonly isTarget: boolean;
}

export function editCard(facts: EditCardFacts, now: () => number): ReactNode {
  const { id, name, icon, line, state, problem, ports } = facts;
  const shown = visible(name);
  const named = ports.length > 1 && ports.length <= NAMED_PORTS_MAX;
  const style = [
    "node",
    "ed",
    state && `st-${state}`,
    problem && `has-${problem}`,
    named && "named",
    facts.chosen && "sel",
    facts.focused && "focus",
    facts.connectable === "may" && "may",
    facts.connectable === "must not" && "mustnot",
    facts.isTarget && "aimed",
  ]
    .filter(Boolean)
    .join(" ");
  const lineTitle = line.since === null ? line.before : "";
  const title = `${shown}${lineTitle ? `\n${lineTitle}` : ""}`;
  return (
    <div className={style} data-card={id} title={cardTitle(title)}>
      <span className="port into" data-in={id} />
      <span className="k">
        <Icon name={icon} />
      </span>
      <CardText name={shown} line={line} now={now} />
      {state && (
        <span className="s">
          <Icon name={problem === "error" ? "bad" : problem ? "warn" : stateLook(state).icon} />
        </span>
      )}
      {facts.fraction !== null && (
        <div className="p">
          <i style={{ transform: `scaleX(${Math.min(1, Math.max(0, facts.fraction))})` }} />
        </div>
      )}
      {facts.mark && <div className="badge mark">{facts.mark}</div>}
      {ports.map((port, at) => (
        <span
          key={port}
          className="port outof"
          data-port={`${id}:${port}`}
          style={{ top: portOffset(ports.length, at) - 1 }}
          title={ports.length > 1 ? visible(port) : undefined}
        >
          {named && <i>{visible(port).slice(0, 12)}</i>}
        </span>
      ))}
    </div>
  );
}
