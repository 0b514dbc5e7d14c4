/** The plain layered layout in a worker of its own, so that the page stays quick meanwhile. */

import { layered, type LayoutInput } from "./layered";

const worker = self as unknown as {
  onmessage: ((event: MessageEvent<LayoutInput>) => void) | null;
  postMessage(message: unknown, transfer: Transferable[]): void;
};

worker.onmessage = (event) => {
  const positions = layered(event.data);
  worker.postMessage(positions, [positions.buffer]);
};
