/** A node as a card. Each card listens to its own node and draws nothing again for another's sake. */

import type { Node, NodeProps } from "@xyflow/react";
import { createContext, memo, type ReactNode, useContext, useSyncExternalStore } from "react";
import type { NodeRun } from "../live/protocol";
import { duration, look, visible } from "../words/words";
import type { Line } from "./line";

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

export interface Cards {
  /** Calls when the node with this number changed. */
  listen(node: number, changed: () => void): () => void;
  /** Rises with each change of the node. */
  version(node: number): number;
  facts(node: number): CardFacts;
  /** Milliseconds since 1970 by the server's clock. */
  now(): number;
  /** The word on the badge of what is stuck. */
  readonly stuckWord: string;
}

export const CardsContext = createContext<Cards | null>(null);

export type CardNode = Node<{ node: number }, "card">;

export function Icon({ name, className = "i" }: { readonly name: string; readonly className?: string }): ReactNode {
  return (
    <svg className={className} viewBox="0 0 24 24" aria-hidden="true">
      <use href={`#i-${name}`} />
    </svg>
  );
}

function Card({ data: { node } }: NodeProps<CardNode>): ReactNode {
  const cards = useContext(CardsContext);
  if (!cards) throw new Error("A card stands outside a canvas.");
  useSyncExternalStore(
    (changed) => cards.listen(node, changed),
    () => cards.version(node),
  );
  const { id, name, icon, run, line: said, stuck, chosen, focused } = cards.facts(node);
  const state = run?.state ?? "pending";
  const fraction = state === "running" ? (run?.progress?.fraction ?? null) : null;
  const shown = visible(name);
  const style = `node is-${state} st-${state}${chosen ? " sel" : ""}${focused ? " focus" : ""}`;
  const title = (text: string): string => (text.length > TITLE_MAX ? `${text.slice(0, TITLE_MAX)}…` : text);
  return (
    <div className={style} data-card={id} title={title(said.since === null ? `${shown}\n${said.before}` : shown)}>
      <span className="k">
        <Icon name={icon} />
      </span>
      <div className="t">
        <b>{shown.slice(0, SHOWN_MAX)}</b>
        <span className="f">
          {said.before.slice(0, SHOWN_MAX)}
          {said.since !== null && (
            // The page's clock counts it on, without this card.
            <span data-since={said.since}>{duration(Math.max(0, (cards.now() - Date.parse(said.since)) / 1000))}</span>
          )}
          {said.after.slice(0, SHOWN_MAX)}
        </span>
      </div>
      <span className={`s st-${state}`}>
        <Icon name={look(state).icon} />
      </span>
      {fraction !== null && (
        <div className="p">
          <i style={{ transform: `scaleX(${Math.min(1, Math.max(0, fraction))})` }} />
        </div>
      )}
      {stuck && <div className="badge">{cards.stuckWord}</div>}
    </div>
  );
}

export const NodeCard = memo(Card, (before, after) => before.data.node === after.data.node);
