/** Feeds a run's store from its socket: asks again after a gap or a doubt, and says how current the store is. */

import { serverNow } from "../behaviours/clock";
import { DelayMeter } from "../live/delay";
import { readRunMessage, readSamples } from "../live/protocol";
import { LiveSocket, type ConnectionState } from "../live/socket";
import type { RunStore } from "./store";

/** Silence after which a page that is behind asks whether there is more. */
const QUIET_SECONDS = 1;

export interface Feed {
  /** Nothing is taken any more. */
  close(): void;
}

export interface FeedOptions {
  state?(state: ConnectionState): void;
  /** For good, by the socket's code: 4401, 4403, 4404. */
  refused?(code: number): void;
}

export function feedRun(store: RunStore, { state = () => undefined, refused = () => undefined }: FeedOptions): Feed {
  const lag = new DelayMeter();
  const live = new LiveSocket({
    path: `/ws/runs/${store.id}/`,
    hello: () => {
      lag.helloSent();
      return store.seq >= 0 ? { type: "hello", after: store.seq } : { type: "hello" };
    },
    state: (now) => {
      // Live is only what a message has just proved.
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
        live.hello();
        return;
      }
      const seconds = lag.received(taken.newestAt, message.type === "events" ? message.events.length : 0, serverNow());
      if (seconds || taken.older) live.probeAfter(taken.older ? 2 * QUIET_SECONDS : QUIET_SECONDS);
      state(taken.older ? { kind: "connecting" } : seconds ? { kind: "behind", seconds } : { kind: "live" });
    },
  });
  const tick = (): void => {
    if (!document.hidden) store.tick(serverNow());
  };
  const beat = window.setInterval(tick, 1000);
  document.addEventListener("visibilitychange", tick);
  return {
    close: () => {
      window.clearInterval(beat);
      document.removeEventListener("visibilitychange", tick);
      live.close();
    },
  };
}
