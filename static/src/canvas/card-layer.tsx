/** React Flow over the painter: it holds the cards that are near enough to read, and moves with the same viewport. */

import "@xyflow/react/dist/base.css";
import { ReactFlow, useStoreApi } from "@xyflow/react";
import type { Node, NodeProps } from "@xyflow/react";
import { createContext, memo, type ReactNode, useContext, useLayoutEffect, useSyncExternalStore } from "react";
import { flushSync } from "react-dom";
import { createRoot } from "react-dom/client";
import { NODE_HEIGHT, NODE_WIDTH } from "../graph/model";
import type { Picture } from "./scene";
import type { View } from "./viewport";

/** What the cards show. Nodes go by their key (`Picture.key`). */
export interface Cards {
  /** Calls when the node changed. */
  listen(key: string, changed: () => void): () => void;
  /** Rises with each change of the node. */
  version(key: string): number;
  draw(key: string): ReactNode;
}

const CardsContext = createContext<Cards | null>(null);

type CardNode = Node<{ key: string }, "card">;

/** Each card listens to its own node and draws nothing again for another's sake. */
function Card({ data: { key } }: NodeProps<CardNode>): ReactNode {
  const cards = useContext(CardsContext);
  if (!cards) throw new Error("A card stands outside a canvas.");
  useSyncExternalStore(
    (changed) => cards.listen(key, changed),
    () => cards.version(key),
  );
  return cards.draw(key);
}

const TYPES = { card: memo(Card, (before, after) => before.data.key === after.data.key) };
const RESTING_MS = 180;
const NO_EDGES: never[] = [];

type StoreApi = ReturnType<typeof useStoreApi<CardNode>>;

export class Flow {
  private nodes: CardNode[] = [];
  private readonly known = new Map<string, CardNode>();
  private readonly root;
  private listener: (() => void) | null = null;
  private store: StoreApi | null = null;
  private at = "";
  private resting = 0;
  /** The zoom at which the layer of the cards was drawn. */
  private sharpAt = 0;

  constructor(
    private readonly host: HTMLElement,
    cards: Cards,
  ) {
    this.root = createRoot(host);
    flushSync(() =>
      this.root.render(
        <CardsContext value={cards}>
          <this.Layer />
        </CardsContext>,
      ),
    );
  }

  private readonly Layer = (): ReactNode => {
    const nodes = useSyncExternalStore(
      (changed) => {
        this.listener = changed;
        return () => (this.listener = null);
      },
      () => this.nodes,
    );
    return (
      <ReactFlow
        nodes={nodes}
        edges={NO_EDGES}
        nodeTypes={TYPES}
        nodesDraggable={false}
        nodesConnectable={false}
        nodesFocusable={false}
        edgesFocusable={false}
        elementsSelectable={false}
        panOnDrag={false}
        panOnScroll={false}
        zoomOnScroll={false}
        zoomOnPinch={false}
        zoomOnDoubleClick={false}
        preventScrolling={false}
        minZoom={0.001}
        maxZoom={4}
        deleteKeyCode={null}
        selectionKeyCode={null}
        multiSelectionKeyCode={null}
        panActivationKeyCode={null}
        zoomActivationKeyCode={null}
        disableKeyboardA11y
        proOptions={{ hideAttribution: true }}
      >
        <this.Bridge />
      </ReactFlow>
    );
  };

  private readonly Bridge = (): ReactNode => {
    const store = useStoreApi<CardNode>();
    useLayoutEffect(() => {
      this.store = store;
    }, [store]);
    return null;
  };

  /** Keys of the nodes that are cards. */
  get keys(): Iterable<string> {
    return this.known.keys();
  }

  /** The nodes that are cards now. Those that stay where they are are not touched. */
  show(scene: Picture, shown: ReadonlySet<number>): void {
    const keys = new Map<string, number>();
    for (const node of shown) keys.set(scene.key(node), node);
    for (const key of this.known.keys()) if (!keys.has(key)) this.known.delete(key);
    for (const [key, node] of keys) {
      const x = scene.at[2 * node] ?? 0;
      const y = scene.at[2 * node + 1] ?? 0;
      const known = this.known.get(key);
      if (known?.position.x === x && known.position.y === y) continue;
      this.known.set(key, {
        id: key,
        type: "card",
        position: { x, y },
        data: known?.data ?? { key },
        width: NODE_WIDTH,
        height: NODE_HEIGHT,
      });
    }
    this.nodes = [...this.known.values()];
    flushSync(() => this.listener?.());
  }

  /** Moves the cards, in the same frame as the painter paints. */
  move(view: View): void {
    const at = `${view.x} ${view.y} ${view.zoom}`;
    const store = this.store;
    if (at === this.at || !store) return;
    this.at = at;
    // The cards are one layer that is only shifted. A layer keeps the size at which its text was drawn: once the zoom rests at
    // another one, it is made anew, and sharp.
    if (!this.resting) this.host.classList.add("layer", "moving");
    window.clearTimeout(this.resting);
    this.resting = window.setTimeout(() => {
      this.resting = 0;
      this.host.classList.remove("moving");
      if (this.sharpAt === view.zoom) return;
      this.sharpAt = view.zoom;
      this.host.classList.remove("layer");
      requestAnimationFrame(() => requestAnimationFrame(() => this.host.classList.add("layer")));
    }, RESTING_MS);
    flushSync(() => {
      store.getState().panZoom?.syncViewport({ x: view.x, y: view.y, zoom: view.zoom });
      store.setState({ transform: [view.x, view.y, view.zoom] });
    });
  }

  destroy(): void {
    window.clearTimeout(this.resting);
    this.root.unmount();
  }
}
