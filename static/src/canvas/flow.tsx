/** React Flow over the painter: it holds the cards that are near enough to read, and moves with the same viewport. */

import "@xyflow/react/dist/base.css";
import { ReactFlow, useStoreApi } from "@xyflow/react";
import { type ReactNode, useLayoutEffect, useSyncExternalStore } from "react";
import { flushSync } from "react-dom";
import { createRoot } from "react-dom/client";
import { NODE_HEIGHT, NODE_WIDTH } from "../graph/model";
import { type CardNode, type Cards, CardsContext, NodeCard } from "./card";
import type { Scene } from "./scene";
import type { View } from "./view";

const TYPES = { card: NodeCard };
const RESTING_MS = 180;
const NO_EDGES: never[] = [];

type StoreApi = ReturnType<typeof useStoreApi<CardNode>>;

export class Flow {
  private nodes: CardNode[] = [];
  private readonly known = new Map<number, CardNode>();
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

  /** The nodes that are cards now. Those that stay are not touched. */
  show(scene: Scene, shown: ReadonlySet<number>): void {
    for (const node of this.known.keys()) if (!shown.has(node)) this.known.delete(node);
    for (const node of shown) {
      if (this.known.has(node)) continue;
      this.known.set(node, {
        id: String(node),
        type: "card",
        position: { x: scene.at[2 * node] ?? 0, y: scene.at[2 * node + 1] ?? 0 },
        data: { node },
        width: NODE_WIDTH,
        height: NODE_HEIGHT,
      });
    }
    this.nodes = [...this.known.values()];
    flushSync(() => this.listener?.());
  }

  /** Another layout: every card stands elsewhere. */
  clear(): void {
    this.known.clear();
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
