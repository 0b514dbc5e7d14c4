/** Feeds a run's store from its socket, asks again after a gap, and reports how current the store is. */

import { serverNow } from "../behaviours/clock";
import { DelayMeter } from "../live/delay";
import { readRunMessage, readSamples } from "../live/protocol";
import { LiveSocket, type ConnectionState } from "../live/socket";
import type { RunStore } from "./store";

/** A page that is behind asks for more after so much silence. */
const PROBE_AFTER_SECONDS = 1;

export interface RunFeed {
  /** Closes the socket. */
  close(): void;
}

interface FeedOptions {
  state?(state: ConnectionState): void;
  /** The server refuses for good, with close code 4401, 4403 or 4404. */
  refused?(code: number): void;
}

export function feedRun(store: RunStore, { state = () => undefined, refused = () => undefined }: FeedOptions): RunFeed {
  const delay = new DelayMeter();
  const socket = new LiveSocket({
    path: `/ws/runs/${store.id}/`,
    hello: () => {
      delay.helloSent();
      return store.seq >= 0 ? { type: "hello", after: store.seq } : { type: "hello" };
    },
    state: (now) => {
      // Only a message proves that the page is live; see below.
      if (now.kind !== "live") state(now);
    },
    refused,
    message: (raw) => {
      const samples = readSamples(raw);
      if (samples) store.sampled(samples);
      const message = readRunMessage(raw);
      if (!message) return;
      const taken = store.take(message, serverNow());
      if (taken.gap) {
        socket.hello();
        return;
      }
      const seconds = delay.received(
        taken.newestAt,
        message.type === "events" ? message.events.length : 0,
        serverNow(),
      );
      if (seconds || taken.outdated) socket.probeAfter(taken.outdated ? 2 * PROBE_AFTER_SECONDS : PROBE_AFTER_SECONDS);
      state(taken.outdated ? { kind: "connecting" } : seconds ? { kind: "behind", seconds } : { kind: "live" });
    },
  });
  const tick = (): void => {
    if (!document.hidden) store.tick(serverNow());
  };
  const timer = window.setInterval(tick, 1000);
  document.addEventListener("visibilitychange", tick);
  return {
    close: () => {
      window.clearInterval(timer);
      document.removeEventListener("visibilitychange", tick);
      socket.close();
    },
  };
}
