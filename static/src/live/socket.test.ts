import type { JsonObject } from "../json";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { backoff, LiveSocket, type ConnectionState } from "./socket";

class FakeSocket {
  static made: FakeSocket[] = [];
  readyState = 0;
  sent: string[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((event: MessageEvent<unknown>) => void) | null = null;
  onclose: ((event: CloseEvent) => void) | null = null;
  constructor() {
    FakeSocket.made.push(this);
  }
  send(text: string): void {
    this.sent.push(text);
  }
  close(): void {
    this.readyState = 3;
  }
  opened(): void {
    this.readyState = 1;
    this.onopen?.();
  }
  says(message: JsonObject): void {
    this.onmessage?.({ data: JSON.stringify(message) } as MessageEvent<unknown>);
  }
  dropped(code = 1006): void {
    this.readyState = 3;
    this.onclose?.({ code } as CloseEvent);
  }
}
const newest = (): FakeSocket => {
  const socket = FakeSocket.made.at(-1);
  if (!socket) throw new Error("no socket was opened");
  return socket;
};

let states: ConnectionState[];
let got: JsonObject[];
let refused: number[];
let live: LiveSocket;

beforeEach(() => {
  vi.useFakeTimers();
  FakeSocket.made = [];
  states = [];
  got = [];
  refused = [];
  let seq = 0;
  live = new LiveSocket({
    path: "/ws/runs/1/",
    hello: () => (seq ? { type: "hello", after: seq } : { type: "hello" }),
    message: (message) => {
      got.push(message);
      seq = Number(message["seq"]);
    },
    state: (state) => states.push(state),
    refused: (code) => refused.push(code),
    random: () => 0.5,
    open: () => new FakeSocket() as unknown as WebSocket,
  });
});
afterEach(() => {
  live.close();
  vi.useRealTimers();
});

describe("the socket", () => {
  it("speaks first, and after a cut says what it knows", () => {
    newest().opened();
    expect(newest().sent).toEqual(['{"type":"hello"}']);
    newest().says({ type: "snapshot", seq: 5 });
    newest().dropped();
    expect(states.at(-1)).toMatchObject({ kind: "offline", tries: 1 });
    vi.advanceTimersByTime(600);
    newest().opened();
    expect(FakeSocket.made).toHaveLength(2);
    expect(newest().sent).toEqual(['{"type":"hello","after":5}']);
  });
  it("asks again after silence, and is offline when nobody answers", () => {
    newest().opened();
    newest().says({ type: "snapshot", seq: 5 });
    vi.advanceTimersByTime(15_000);
    expect(newest().sent).toHaveLength(2);
    vi.advanceTimersByTime(6_000);
    expect(states.at(-1)).toMatchObject({ kind: "offline" });
  });
  it("asks sooner when it is told to", () => {
    newest().opened();
    newest().says({ type: "snapshot", seq: 5 });
    live.probeAfter(1);
    vi.advanceTimersByTime(1_000);
    expect(newest().sent).toHaveLength(2);
  });
  it("is not live after a sleep until it is answered, and opens another socket when it is not", () => {
    newest().opened();
    newest().says({ type: "snapshot", seq: 5 });
    const before = states.length;
    // The clock goes on while no timer runs.
    vi.setSystemTime(Date.now() + 3_600_000);
    vi.advanceTimersByTime(2_000);
    expect(states.slice(before)).toEqual([{ kind: "connecting" }]);
    expect(newest().sent).toHaveLength(2);
    vi.advanceTimersByTime(4_000);
    expect(FakeSocket.made).toHaveLength(2);
  });
  it("stops when the right is lost", () => {
    newest().opened();
    newest().dropped(4403);
    vi.advanceTimersByTime(120_000);
    expect(FakeSocket.made).toHaveLength(1);
    expect(refused).toEqual([4403]);
    expect(states.at(-1)).toEqual({ kind: "refused", code: 4403 });
  });
  it("ignores what is no JSON", () => {
    newest().opened();
    newest().onmessage?.({ data: "{" } as MessageEvent<unknown>);
    expect(got).toEqual([]);
  });
});

describe("back-off", () => {
  it("doubles up to 15 s and is spread", () => {
    expect([0, 1, 2, 10].map((tries) => backoff(tries, () => 0.5))).toEqual([0.5, 1, 2, 15]);
    expect(backoff(0, () => 0)).toBe(0.25);
    expect(backoff(0, () => 1)).toBe(0.75);
  });
});
