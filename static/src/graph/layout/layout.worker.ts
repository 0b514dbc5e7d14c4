/** Runs the layered layout in a worker, so that the page stays responsive. */

import { layeredLayout, type LayoutInput } from "./layered";

const worker = self as unknown as {
  onmessage: ((event: MessageEvent<LayoutInput>) => void) | null;
  postMessage(message: unknown, transfer: Transferable[]): void;
};

worker.onmessage = (event) => {
  const positions = layeredLayout(event.data);
  worker.postMessage(positions, [positions.buffer]);
};
