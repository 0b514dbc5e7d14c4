/** A node of a run as a card. */

import type { ReactNode } from "react";
import type { NodeRun } from "../../live/protocol";
import { duration, stateLook, visible } from "../../words/words";
import type { Line } from "./card-line";

/** Longer names and causes are cut in the tooltip as well: a browser shows no more of it. */
const TITLE_MAX = 2000;
const SHOWN_MAX = 300;

/** What a card knows about its node. */
export interface CardFacts {
  readonly id: string;
  readonly name: string;
  readonly icon: string;
  readonly run: NodeRun | undefined;
  readonly line: Line;
  readonly stuck: boolean;
  readonly chosen: boolean;
  readonly focused: boolean;
}

export function Icon({ name, className = "i" }: { readonly name: string; readonly className?: string }): ReactNode {
  return (
    <svg className={className} viewBox="0 0 24 24" aria-hidden="true">
      <use href={`#i-${name}`} />
    </svg>
  );
}

/** What the pointer is told of a card. */
export const cardTitle = (text: string): string => (text.length > TITLE_MAX ? `${text.slice(0, TITLE_MAX)}…` : text);

/** The two lines of a card. `now`: milliseconds since 1970 by the server's clock. */
export function CardText({
  name,
  line,
  now,
}: {
  readonly name: string;
  readonly line: Line;
  readonly now: () => number;
}): ReactNode {
  return (
    <div className="t">
      <b>{name.slice(0, SHOWN_MAX)}</b>
      <span className="f">
        {line.before.slice(0, SHOWN_MAX)}
        {line.since !== null && (
          // The page's clock counts it on, without this card.
          <span data-since={line.since}>{duration(Math.max(0, (now() - Date.parse(line.since)) / 1000))}</span>
        )}
        {line.after.slice(0, SHOWN_MAX)}
      </span>
    </div>
  );
}

/** `now`: milliseconds since 1970 by the server's clock; `stuckWord`: the word on the badge of what is stuck. */
export function runCard(
  { id, name, icon, run, line: said, stuck, chosen, focused }: CardFacts,
  now: () => number,
  stuckWord: string,
): ReactNode {
  const state = run?.state ?? "pending";
  const fraction = state === "running" ? (run?.progress?.fraction ?? null) : null;
  const shown = visible(name);
  const style = `node is-${state} st-${state}${chosen ? " sel" : ""}${focused ? " focus" : ""}`;
  return (
    <div className={style} data-card={id} title={cardTitle(said.since === null ? `${shown}\n${said.before}` : shown)}>
      <span className="k">
        <Icon name={icon} />
      </span>
      <CardText name={shown} line={said} now={now} />
      <span className={`s st-${state}`}>
        <Icon name={stateLook(state).icon} />
      </span>
      {fraction !== null && (
        <div className="p">
          <i style={{ transform: `scaleX(${Math.min(1, Math.max(0, fraction))})` }} />
        </div>
      )}
      {stuck && <div className="badge">{stuckWord}</div>}
    </div>
  );
}
