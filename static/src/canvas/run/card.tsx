/** The card of a node in a run. */

import { CardText, cardTitle, Icon } from "../card-parts";
import type { ReactNode } from "react";
import type { NodeRun } from "../../live/protocol";
import { stateLook, visible } from "../../words/words";
import type { CardLine } from "../card-line";

/** The data of a card. */
interface CardFacts {
  readonly id: string;
  readonly name: string;
  readonly icon: string;
  readonly run: NodeRun | undefined;
  readonly line: CardLine;
  readonly stuck: boolean;
  readonly chosen: boolean;
  readonly focused: boolean;
}

/** `now`: milliseconds since 1970 by the server's clock. `stuckWord`: the translated badge of stuck nodes. */
export function runCard(
  { id, name, icon, run, line, stuck, chosen, focused }: CardFacts,
  now: () => number,
  stuckWord: string,
): ReactNode {
  const state = run?.state ?? "pending";
  const fraction = state === "running" ? (run?.progress?.fraction ?? null) : null;
  const shown = visible(name);
  const style = `node is-${state} st-${state}${chosen ? " sel" : ""}${focused ? " focus" : ""}`;
  return (
    <div className={style} data-card={id} title={cardTitle(line.since === null ? `${shown}\n${line.before}` : shown)}>
      <span className="k">
        <Icon name={icon} />
      </span>
      <CardText name={shown} line={line} now={now} />
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
