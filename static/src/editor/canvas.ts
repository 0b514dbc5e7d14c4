/** Mounts the canvas of the editor, once each node has a position. */

import type { CanvasPage, EditCanvas } from "../canvas/edit/page";
import { EditBoard } from "../canvas/edit/board";
import { DerivedPositions } from "../canvas/edit/derived-positions";

import { showGraphFailure } from "../canvas/load-failure";
import { showSkeleton } from "../canvas/frame";
import { one } from "../dom";
import { nameOf, positionOf, typeOf } from "../document/document";
import { arrangeGraph } from "../graph/layout/layout";
import { GraphLoadError, loadErrorText } from "../graph/load";
import { isPlaced, makeGraph, onGrid } from "../graph/model";
import type { Editing } from "./parts";

export function mountCanvas(root: HTMLElement, editing: Editing): EditCanvas {
  const host = one("[data-edit-canvas]", root);
  let board: EditBoard | null = null;
  const page: CanvasPage = {
    store: editing.store,
    types: editing.facts.types,
    get publishedIds() {
      return editing.published.ids;
    },
    openTypeMenu: (at) => editing.palette.openMenu(at),
    showDrawer: (tab) => editing.drawer.show(tab),
  };
  const pending: ((board: EditBoard) => void)[] = [];
  const act = (what: (board: EditBoard) => void): void => {
    if (board) what(board);
    else pending.push(what);
  };

  function open(unplaced: DerivedPositions): void {
    if (!host) return;
    board = new EditBoard(host, page, unplaced);
    for (const what of pending.splice(0)) what(board);
  }

  /** Computes positions for nodes without one, in a worker. */
  async function start(): Promise<void> {
    if (!host) return;
    const { doc } = editing.store;
    const unplaced = new DerivedPositions();
    const index = new Map(doc.nodes.map((node, at) => [node.id, at]));
    const lines = doc.edges.flatMap((edge) => {
      const source = index.get(edge.source);
      const target = index.get(edge.target);
      return source === undefined || target === undefined || source === target
        ? []
        : [[source, target] as [number, number]];
    });
    const graph = makeGraph(
      doc.nodes.map((node) => ({ id: node.id, name: nameOf(node), type: typeOf(node), ...positionOf(node) })),
      lines,
    );
    const placed = isPlaced(graph);
    if (!graph.size || (placed && !doc.nodes.some((node) => !positionOf(node)))) {
      open(unplaced);
      return;
    }
    const done = showSkeleton(host);
    try {
      const { at } = await arrangeGraph(graph);
      doc.nodes.forEach((node, number) => {
        if (!placed || !positionOf(node))
          unplaced.set(node.id, { x: onGrid(at[2 * number] ?? 0), y: onGrid(at[2 * number + 1] ?? 0) });
      });
    } catch (error) {
      done();
      showGraphFailure(host, loadErrorText(error), () => void start());
      if (!(error instanceof GraphLoadError)) throw error;
      return;
    }
    done();
    // Nodes may have been added meanwhile.
    unplaced.fill(
      editing.store.doc,
      editing.store.doc.nodes.map((node) => node.id),
    );
    open(unplaced);
  }

  void Promise.resolve().then(start);
  return {
    fit: () => act((it) => it.fit()),
    fitSelection: () => act((it) => it.fitSelection()),
    focus: () => act((it) => it.focus()),
    search: () => act((it) => it.search()),
    walk: (direction) => act((it) => it.walk(direction)),
    middle: () => board?.middle() ?? { x: 0, y: 0 },
    toGraph: (x, y) => board?.toGraph(x, y) ?? { x, y },
    boxOf: (node) => board?.boxOf(node) ?? null,
    placeOf: (node) => board?.placeOf(node) ?? null,
    reveal: (nodes) => act((it) => it.reveal(nodes)),
    rename: (node) => act((it) => it.rename(node)),
    connectFrom: (node) => act((it) => it.connectFrom(node)),
    tidy: async () => {
      await board?.tidy();
    },
  };
}
