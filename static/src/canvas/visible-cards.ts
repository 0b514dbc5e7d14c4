/** Which nodes are cards: those in view that are large enough to read, as few as will do. Pure. */

import { NODE_HEIGHT, NODE_WIDTH } from "../graph/model";
import type { Picture } from "./scene";
import { type View, ZOOM_CARDS } from "./viewport";

/** Cards at most; of more, the painter paints the rest. */
export const CARDS_MAX = 240;
/** New cards in one frame: more would be felt while panning. */
export const CARDS_A_FRAME = 12;
/** Cards stand ready this far outside the view, in pixels, and stay until they are further away. */
const MARGIN = 120;
const MARGIN_LEFT = 480;

export interface Near {
  /** The same set as before where nothing differs. */
  readonly cards: ReadonlySet<number>;
  /** More are to come in the next frame. */
  readonly more: boolean;
}

export function cardsNear(scene: Picture, view: View, before: ReadonlySet<number>): Near {
  if (view.zoom < ZOOM_CARDS) return { cards: before.size ? new Set() : before, more: false };
  const near: number[] = [];
  scene.grid.within(view.box(MARGIN), (node) => near.push(node));
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
    else if (fresh < CARDS_A_FRAME) {
      cards.add(node);
      fresh += 1;
    } else left += 1;
  }
  const box = view.box(MARGIN_LEFT);
  const seen = (node: number): boolean => {
    const x = scene.at[2 * node] ?? 0;
    const y = scene.at[2 * node + 1] ?? 0;
    return x < box.right && x + NODE_WIDTH > box.left && y < box.bottom && y + NODE_HEIGHT > box.top;
  };
  for (const node of before) if (cards.size < CARDS_MAX && !cards.has(node) && seen(node)) cards.add(node);
  return { cards: fresh || cards.size !== before.size ? cards : before, more: left > 0 };
}
