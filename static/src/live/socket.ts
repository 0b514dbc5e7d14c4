/** A websocket that reconnects by itself and reports whether it is current.
 *
 * The server sends only when something changes, so silence proves nothing: after `probeSeconds` of silence the client
 * sends hello again, which is always answered. No answer within `answerSeconds` counts as offline.
 */

import { type JsonObject, parseObject } from "../json";

export type ConnectionState =
  | { readonly kind: "connecting" }
  | { readonly kind: "live" }
  | { readonly kind: "behind"; readonly seconds: number }
  | { readonly kind: "offline"; readonly since: Date; readonly tries: number }
  | { readonly kind: "refused"; readonly code: number };

interface SocketOptions {
  /** Path of the socket on this host. */
  readonly path: string;
  /** Returns the hello to send now: with `after` when something is known already. */
  hello(): JsonObject;
  message(message: JsonObject): void;
  state(state: ConnectionState): void;
  /** The server refuses for good, with close code 4401, 4403 or 4404. */
  refused?(code: number): void;
  readonly probeSeconds?: number;
  readonly answerSeconds?: number;
  readonly random?: () => number;
  readonly open?: (address: string) => WebSocket;
}

const SLEEP_CHECK_SECONDS = 2;
/** A check that runs so late means that the machine slept. Timers of hidden tabs are late too; they are not checked. */
const SLEEP_SECONDS = 10;
/** Time limit of the answer after a sleep, or when the tab is shown again. */
const WAKE_ANSWER_SECONDS = 3;

/** Seconds until the next try: doubling from half a second to 15 s, with jitter so that not all browsers come at once. */
export function backoff(tries: number, random: () => number): number {
  return Math.min(15, 0.5 * 2 ** Math.min(tries, 8)) * (0.5 + random());
}

export class LiveSocket {
  private socket: WebSocket | null = null;
  private tries = 0;
  private offlineSince: Date | null = null;
  private reconnectTimer = 0;
  private watchdog = 0;
  private ended = false;
  private readonly sleepTimer: number;
  private checkedAt = Date.now();

  constructor(private readonly options: SocketOptions) {
    window.addEventListener("online", this.checkNow);
    window.addEventListener("offline", this.drop);
    document.addEventListener("visibilitychange", this.checkNow);
    this.options.state({ kind: "connecting" });
    this.sleepTimer = window.setInterval(this.checkSleep, 1000 * SLEEP_CHECK_SECONDS);
    this.connect();
  }

  /** Sends hello: the answer brings what is missing. */
  hello(answerSeconds = this.options.answerSeconds ?? 6): void {
    if (this.socket?.readyState !== WebSocket.OPEN) return;
    this.socket.send(JSON.stringify(this.options.hello()));
    this.expectAnswer(answerSeconds);
  }

  /** Sends hello already after `seconds` of silence: the last message may not have been complete. */
  probeAfter(seconds: number): void {
    if (this.socket) this.scheduleProbe(seconds);
  }

  close(): void {
    this.ended = true;
    window.clearTimeout(this.reconnectTimer);
    window.clearTimeout(this.watchdog);
    window.clearInterval(this.sleepTimer);
    window.removeEventListener("online", this.checkNow);
    window.removeEventListener("offline", this.drop);
    document.removeEventListener("visibilitychange", this.checkNow);
    this.socket?.close();
  }

  private connect(): void {
    window.clearTimeout(this.reconnectTimer);
    const address = `${location.protocol === "https:" ? "wss:" : "ws:"}//${location.host}${this.options.path}`;
    const socket = this.options.open ? this.options.open(address) : new WebSocket(address);
    this.socket = socket;
    this.expectAnswer(this.options.answerSeconds ?? 6);
    socket.onopen = () => {
      if (socket === this.socket) this.hello();
    };
    socket.onmessage = (event: MessageEvent<unknown>) => {
      if (socket !== this.socket || typeof event.data !== "string") return;
      const message = parseObject(event.data);
      if (!message) return;
      this.tries = 0;
      this.offlineSince = null;
      this.scheduleProbe();
      this.options.message(message);
    };
    socket.onclose = (event) => {
      if (socket !== this.socket) return;
      if (event.code === 4401 || event.code === 4403 || event.code === 4404) {
        this.options.refused?.(event.code);
        this.options.state({ kind: "refused", code: event.code });
        this.ended = true;
        window.clearTimeout(this.watchdog);
        return;
      }
      this.scheduleReconnect();
    };
  }

  private scheduleReconnect(): void {
    window.clearTimeout(this.watchdog);
    this.socket = null;
    if (this.ended) return;
    this.offlineSince ??= new Date();
    this.tries += 1;
    this.options.state({ kind: "offline", since: this.offlineSince, tries: this.tries });
    window.clearTimeout(this.reconnectTimer);
    this.reconnectTimer = window.setTimeout(
      () => this.connect(),
      1000 * backoff(this.tries - 1, this.options.random ?? Math.random),
    );
  }

  private expectAnswer(seconds: number): void {
    window.clearTimeout(this.watchdog);
    this.watchdog = window.setTimeout(this.drop, 1000 * seconds);
  }

  private scheduleProbe(seconds = this.options.probeSeconds ?? 15): void {
    window.clearTimeout(this.watchdog);
    this.watchdog = window.setTimeout(() => this.hello(), 1000 * seconds);
  }

  /** After a sleep the socket looks open but may be dead: it counts as connecting until it answers. */
  private readonly checkSleep = (): void => {
    const slept = (Date.now() - this.checkedAt) / 1000;
    this.checkedAt = Date.now();
    if (slept < SLEEP_SECONDS || this.ended || document.hidden) return;
    if (this.socket?.readyState === WebSocket.OPEN) {
      this.options.state({ kind: "connecting" });
      this.hello(WAKE_ANSWER_SECONDS);
    } else if (!this.socket) this.connect();
  };

  private readonly drop = (): void => {
    const socket = this.socket;
    if (!socket) return;
    this.socket = null;
    socket.onclose = socket.onmessage = socket.onopen = null;
    socket.close();
    this.scheduleReconnect();
  };

  private readonly checkNow = (): void => {
    if (this.ended || document.hidden) return;
    this.checkSleep();
    if (this.socket) this.hello(WAKE_ANSWER_SECONDS);
    else this.connect();
  };
}
