/** The cards of nodes that are large enough to read: React elements over the painter, moved with the same viewport. */

import { createContext, memo, type ReactNode, useContext, useSyncExternalStore } from "react";
import { flushSync } from "react-dom";
import { createRoot, type Root } from "react-dom/client";
import type { Picture } from "./picture";
import type { Viewport } from "./viewport";

/** Renders the cards by key (`Picture.key`). */
interface CardSource {
  /** Calls `changed` when the card has changed. */
  listen(key: string, changed: () => void): () => void;
  /** Rises with each change of the card. */
  version(key: string): number;
  renderCard(key: string): ReactNode;
}

/** After a zoom, the text of the cards is drawn sharply once the viewport has rested for so long. */
const SHARPEN_AFTER_MS = 180;

const SourceContext = createContext<CardSource | null>(null);

/** A card listens to changes of its own node only. */
const Card = memo(({ cardKey, x, y }: { readonly cardKey: string; readonly x: number; readonly y: number }) => {
  const source = useContext(SourceContext);
  if (!source) throw new Error("A card needs a canvas around it.");
  useSyncExternalStore(
    (changed) => source.listen(cardKey, changed),
    () => source.version(cardKey),
  );
  return (
    <div className="cvcard" style={{ transform: `translate(${x}px, ${y}px)` }}>
      {source.renderCard(cardKey)}
    </div>
  );
});

interface CardPosition {
  readonly x: number;
  readonly y: number;
}

export class CardLayer {
  private positions: ReadonlyMap<string, CardPosition> = new Map();
  private readonly root: Root;
  private transform = "";
  private sharpenTimer = 0;
  /** The zoom at which the text of the cards was drawn. */
  private sharpAt = 0;

  constructor(
    private readonly host: HTMLElement,
    private readonly source: CardSource,
  ) {
    this.root = createRoot(host);
  }

  /** Keys of the nodes that are shown as cards. */
  get keys(): Iterable<string> {
    return this.positions.keys();
  }

  /** Shows these nodes as cards, at their positions in the picture. */
  show(picture: Picture, nodes: ReadonlySet<number>): void {
    const shown = new Map([...nodes].map((node) => [picture.key(node), node]));
    // Cards that stay keep their place in the DOM: moving elements would cost more than drawing the new ones.
    const keys = new Set([...this.positions.keys()].filter((key) => shown.has(key)));
    for (const key of shown.keys()) keys.add(key);
    this.positions = new Map(
      [...keys].map((key) => {
        const node = shown.get(key) ?? 0;
        return [key, { x: picture.at[2 * node] ?? 0, y: picture.at[2 * node + 1] ?? 0 }];
      }),
    );
    flushSync(() =>
      this.root.render(
        <SourceContext value={this.source}>
          {[...this.positions].map(([key, { x, y }]) => (
            <Card key={key} cardKey={key} x={x} y={y} />
          ))}
        </SourceContext>,
      ),
    );
  }

  /** Moves the cards, in the same frame in which the painter paints. */
  move({ x, y, zoom }: Viewport): void {
    const transform = `translate(${x}px, ${y}px) scale(${zoom})`;
    if (transform === this.transform) return;
    this.transform = transform;
    // While it moves, all cards are one compositor layer, which keeps the resolution at which its text was drawn. Once the
    // zoom rests, the layer is made anew, so that the text is sharp.
    if (!this.sharpenTimer) this.host.classList.add("layer", "moving");
    window.clearTimeout(this.sharpenTimer);
    this.sharpenTimer = window.setTimeout(() => {
      this.sharpenTimer = 0;
      this.host.classList.remove("moving");
      if (this.sharpAt === zoom) return;
      this.sharpAt = zoom;
      this.host.classList.remove("layer");
      requestAnimationFrame(() => requestAnimationFrame(() => this.host.classList.add("layer")));
    }, SHARPEN_AFTER_MS);
    this.host.style.transform = transform;
  }

  destroy(): void {
    window.clearTimeout(this.sharpenTimer);
    this.root.unmount();
  }
}
