/** A socket that comes back by itself and says truthfully whether it is current.
 *
 * The server sends only when something changes, so silence proves nothing: after `probeSeconds` of it the client
 * says hello again, which is always answered. No answer within `answerSeconds` counts as offline.
 */

import { type JsonObject, parse } from "./protocol";

export type LiveState =
  | { readonly kind: "connecting" }
  | { readonly kind: "live" }
  | { readonly kind: "behind"; readonly seconds: number }
  | { readonly kind: "offline"; readonly since: Date; readonly tries: number }
  | { readonly kind: "refused"; readonly code: number };

export interface LiveOptions {
  /** Path of the socket on this host. */
  readonly path: string;
  /** The hello to say now: with `after` when something is known already. */
  hello(): JsonObject;
  message(message: JsonObject): void;
  state(state: LiveState): void;
  /** The server refuses for good: 4401, 4403 and 4404. */
  refused?(code: number): void;
  readonly probeSeconds?: number;
  readonly answerSeconds?: number;
  readonly random?: () => number;
  readonly open?: (address: string) => WebSocket;
}

const PULSE_SECONDS = 2;
/** A pulse that comes so late means that the machine slept (a hidden tab's timers are late too, and are not asked). */
const SLEPT_SECONDS = 10;
/** How long an answer may take after a sleep, or when the tab is shown again. */
const AWAKE_SECONDS = 3;

/** Seconds until the next try: doubling from half a second to 15 s, spread so that not all browsers come at once. */
export function backoff(tries: number, random: () => number): number {
  return Math.min(15, 0.5 * 2 ** Math.min(tries, 8)) * (0.5 + random());
}

export class Live {
  private socket: WebSocket | null = null;
  private tries = 0;
  private lost: Date | null = null;
  private timer = 0;
  private watch = 0;
  private ended = false;
  private readonly pulse: number;
  private beat = Date.now();

  constructor(private readonly options: LiveOptions) {
    window.addEventListener("online", this.retryNow);
    window.addEventListener("offline", this.dropped);
    document.addEventListener("visibilitychange", this.retryNow);
    this.options.state({ kind: "connecting" });
    this.pulse = window.setInterval(this.awake, 1000 * PULSE_SECONDS);
    this.connect();
  }

  /** Says hello (again): the answer brings what is missing. */
  hello(answerSeconds = this.options.answerSeconds ?? 6): void {
    if (this.socket?.readyState !== WebSocket.OPEN) return;
    this.socket.send(JSON.stringify(this.options.hello()));
    this.expect(answerSeconds);
  }

  /** Says hello after `seconds` of silence, sooner than usual: what came last may not have been all. */
  helloIn(seconds: number): void {
    if (this.socket) this.expectProbe(seconds);
  }

  close(): void {
    this.ended = true;
    window.clearTimeout(this.timer);
    window.clearTimeout(this.watch);
    window.clearInterval(this.pulse);
    window.removeEventListener("online", this.retryNow);
    window.removeEventListener("offline", this.dropped);
    document.removeEventListener("visibilitychange", this.retryNow);
    this.socket?.close();
  }

  private connect(): void {
    window.clearTimeout(this.timer);
    const address = `${location.protocol === "https:" ? "wss:" : "ws:"}//${location.host}${this.options.path}`;
    const socket = this.options.open ? this.options.open(address) : new WebSocket(address);
    this.socket = socket;
    this.expect(this.options.answerSeconds ?? 6);
    socket.onopen = () => {
      if (socket === this.socket) this.hello();
    };
    socket.onmessage = (event: MessageEvent<unknown>) => {
      if (socket !== this.socket || typeof event.data !== "string") return;
      const message = parse(event.data);
      if (!message) return;
      this.tries = 0;
      this.lost = null;
      this.expectProbe();
      this.options.message(message);
    };
    socket.onclose = (event) => {
      if (socket !== this.socket) return;
      if (event.code === 4401 || event.code === 4403 || event.code === 4404) {
        this.options.refused?.(event.code);
        this.options.state({ kind: "refused", code: event.code });
        this.ended = true;
        window.clearTimeout(this.watch);
        return;
      }
      this.again();
    };
  }

  private again(): void {
    window.clearTimeout(this.watch);
    this.socket = null;
    if (this.ended) return;
    this.lost ??= new Date();
    this.tries += 1;
    this.options.state({ kind: "offline", since: this.lost, tries: this.tries });
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(
      () => this.connect(),
      1000 * backoff(this.tries - 1, this.options.random ?? Math.random),
    );
  }

  private expect(seconds: number): void {
    window.clearTimeout(this.watch);
    this.watch = window.setTimeout(this.dropped, 1000 * seconds);
  }

  private expectProbe(seconds = this.options.probeSeconds ?? 15): void {
    window.clearTimeout(this.watch);
    this.watch = window.setTimeout(() => this.hello(), 1000 * seconds);
  }

  /** After a sleep the socket looks open and may be dead: until it answers, nothing is known to be current. */
  private readonly awake = (): void => {
    const slept = (Date.now() - this.beat) / 1000;
    this.beat = Date.now();
    if (slept < SLEPT_SECONDS || this.ended || document.hidden) return;
    if (this.socket?.readyState === WebSocket.OPEN) {
      this.options.state({ kind: "connecting" });
      this.hello(AWAKE_SECONDS);
    } else if (!this.socket) this.connect();
  };

  private readonly dropped = (): void => {
    const socket = this.socket;
    if (!socket) return;
    this.socket = null;
    socket.onclose = socket.onmessage = socket.onopen = null;
    socket.close();
    this.again();
  };

  private readonly retryNow = (): void => {
    if (this.ended || document.hidden) return;
    this.awake();
    if (this.socket) this.hello(AWAKE_SECONDS);
    else this.connect();
  };
}
