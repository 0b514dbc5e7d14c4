/** Selects the nodes that are shown as DOM cards: those in view, if they are large enough to read. Pure. */

import { NODE_HEIGHT, NODE_WIDTH } from "../graph/model";
import type { Picture } from "./picture";
import { type Viewport, ZOOM_CARDS } from "./viewport";

/** Maximum number of cards; the painter paints the other nodes. */
export const CARDS_MAX = 240;
/** More new cards in one frame would make panning jerky. */
export const NEW_CARDS_PER_FRAME = 12;
/** Pixels outside the view within which cards are created, and beyond which they are removed. */
const ENTER_MARGIN = 120;
const LEAVE_MARGIN = 480;

interface CardSelection {
  /** The same set as before if nothing differs. */
  readonly cards: ReadonlySet<number>;
  /** More cards follow in the next frame. */
  readonly more: boolean;
}

export function selectCards(scene: Picture, view: Viewport, before: ReadonlySet<number>): CardSelection {
  if (view.zoom < ZOOM_CARDS) return { cards: before.size ? new Set() : before, more: false };
  const near: number[] = [];
  scene.grid.within(view.box(ENTER_MARGIN), (node) => near.push(node));
  if (near.length > CARDS_MAX) {
    const middle = view.toGraph(view.width / 2, view.height / 2);
    const away = (node: number): number =>
      Math.hypot((scene.at[2 * node] ?? 0) - middle.x, (scene.at[2 * node + 1] ?? 0) - middle.y);
    near.sort((a, b) => away(a) - away(b));
    near.length = CARDS_MAX;
  }
  const cards = new Set<number>();
  let fresh = 0;
  let left = 0;
  for (const node of near) {
    if (before.has(node)) cards.add(node);
    else if (fresh < NEW_CARDS_PER_FRAME) {
      cards.add(node);
      fresh += 1;
    } else left += 1;
  }
  const box = view.box(LEAVE_MARGIN);
  const seen = (node: number): boolean => {
    const x = scene.at[2 * node] ?? 0;
    const y = scene.at[2 * node + 1] ?? 0;
    return x < box.right && x + NODE_WIDTH > box.left && y < box.bottom && y + NODE_HEIGHT > box.top;
  };
  for (const node of before) if (cards.size < CARDS_MAX && !cards.has(node) && seen(node)) cards.add(node);
  return { cards: fresh || cards.size !== before.size ? cards : before, more: left > 0 };
}
