/** Parts that the cards of runs and of the editor share. */

import type { CardLine } from "./card-line";
import type { ReactNode } from "react";
import { duration } from "../words/words";

/** Characters shown in a tooltip and on a card. */
const TITLE_MAX = 2000;
const SHOWN_MAX = 300;

export function Icon({ name, className = "i" }: { readonly name: string; readonly className?: string }): ReactNode {
  return (
    <svg className={className} viewBox="0 0 24 24" aria-hidden="true">
      <use href={`#i-${name}`} />
    </svg>
  );
}

/** The tooltip of a card. */
export const cardTitle = (text: string): string => (text.length > TITLE_MAX ? `${text.slice(0, TITLE_MAX)}…` : text);

/** The two lines of a card. `now`: milliseconds since 1970 by the server's clock. */
export function CardText({
  name,
  line,
  now,
}: {
  readonly name: string;
  readonly line: CardLine;
  readonly now: () => number;
}): ReactNode {
  return (
    <div className="t">
      <b>{name.slice(0, SHOWN_MAX)}</b>
      <span className="f">
        {line.before.slice(0, SHOWN_MAX)}
        {line.since !== null && (
          // behaviours/clock.ts keeps this current.
          <span data-since={line.since}>{duration(Math.max(0, (now() - Date.parse(line.since)) / 1000))}</span>
        )}
        {line.after.slice(0, SHOWN_MAX)}
      </span>
    </div>
  );
}
