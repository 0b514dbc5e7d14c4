/** A node that is edited, as a card with its ports. */

import type { ReactNode } from "react";
import { stateLook, visible } from "../../words/words";
import { CardText, cardTitle, Icon } from "../run/card";
import type { Line } from "../run/card-line";
import { NAMED_MAX, portAt } from "./scene";

export interface EditFacts {
  readonly id: string;
  readonly name: string;
  readonly icon: string;
  readonly line: Line;
  /** State of the draft's run, "failed" for an error, "stuck" for a warning; empty: nothing of the kind. */
  readonly state: string;
  readonly problem: "error" | "warning" | "";
  readonly fraction: number | null;
  /** A word for what differs from another version; empty: nothing. */
  readonly mark: string;
  readonly ports: readonly string[];
  readonly chosen: boolean;
  readonly focused: boolean;
  /** While a wire is drawn: whether it may end here. */
  readonly target: "may" | "must not" | "";
  /** While a wire is drawn: it ends here, or its way ends here by keyboard. */
  readonly aimed: boolean;
}

export function editCard(facts: EditFacts, now: () => number): ReactNode {
  const { id, name, icon, line, state, problem, ports } = facts;
  const shown = visible(name);
  const named = ports.length > 1 && ports.length <= NAMED_MAX;
  const style = [
    "node",
    "ed",
    state && `st-${state}`,
    problem && `has-${problem}`,
    named && "named",
    facts.chosen && "sel",
    facts.focused && "focus",
    facts.target === "may" && "may",
    facts.target === "must not" && "mustnot",
    facts.aimed && "aimed",
  ]
    .filter(Boolean)
    .join(" ");
  const said = line.since === null ? line.before : "";
  const title = `${shown}${said ? `\n${said}` : ""}`;
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
          style={{ top: portAt(ports.length, at) - 1 }}
          title={ports.length > 1 ? visible(port) : undefined}
        >
          {named && <i>{visible(port).slice(0, 12)}</i>}
        </span>
      ))}
    </div>
  );
}
