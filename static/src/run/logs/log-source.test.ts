import { afterEach, describe, expect, it, vi } from "vitest";
import type { LogLine } from "../../live/protocol";
import { ApiError } from "../../api/client";
import { Retries } from "../../live/retries";
import { LogSource } from "./log-source";

const line = (seq: number, node = "a"): LogLine => ({
  seq,
  at: "",
  node,
  attempt: 1,
  level: "info",
  message: `line ${seq}`,
});
const row = (seq: number): unknown[] => [seq, "", "a", 1, "info", `line ${seq}`];
const settled = (): Promise<void> => vi.waitFor(() => undefined);

/** A server that answers by the beginning of the path; `null`: it cannot be reached. */
function server(answer: (path: string) => object | null): string[] {
  const asked: string[] = [];
  vi.stubGlobal("fetch", (path: string) => {
    asked.push(path);
    const body = answer(path);
    return body ? Promise.resolve(new Response(JSON.stringify(body))) : Promise.reject(new TypeError("offline"));
  });
  return asked;
}

describe("the log as a page knows it", () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });

  it("joins the index, read in parts, and what the socket brought meanwhile", async () => {
    const asked = server((path) =>
      path.endsWith("after=0")
        ? { nodes: ["a", "b"], batches: [1, 200, 0, 1, 205, 5, 1, 1], next: 209 }
        : { nodes: ["b"], batches: [210, 1, 0, 1], next: null },
    );
    const source = new LogSource("7", () => undefined);
    const reading = source.catchUp();
    source.add([line(209, "b"), line(210, "b"), line(211)]);
    await reading;
    expect([source.all.count, source.ofNode("a").count, source.ofNode("b").count, source.ofNode("").count]).toEqual([
      207, 201, 6, 207,
    ]);
    source.add([line(211), line(213, "b")]);
    expect(source.ofNode("b").last).toBe(213);
    expect(asked).toHaveLength(2);
  });
  it("has no gap when the index could not be read after lines were missed", async () => {
    let online = true;
    server((path) =>
      !online
        ? null
        : path.endsWith("after=0")
          ? { nodes: ["a"], batches: [1, 3, 0, 1], next: null }
          : { nodes: ["a"], batches: [4, 7, 0, 1], next: null },
    );
    const source = new LogSource("7", () => undefined);
    await source.catchUp();
    online = false;
    await expect(source.catchUp()).rejects.toThrow();
    source.add([line(10)]);
    expect(source.all.last).toBe(3);
    online = true;
    await source.catchUp();
    expect([source.all.count, source.all.last]).toEqual([10, 10]);
  });
  it("asks for the text of lines in view that is not here, until it has it", async () => {
    let parts = 0;
    const asked = server((path) => {
      if (path.includes("/index/")) return { nodes: ["a"], batches: [1, 100, 0, 1], next: null };
      parts += 1;
      return { lines: parts === 1 ? [row(3), row(4)] : [row(5)] };
    });
    const arrived = vi.fn();
    const source = new LogSource("7", arrived);
    await source.catchUp();
    source.prefetch([5, 4, 3]);
    await vi.waitFor(() => expect(source.line(5)?.message).toBe("line 5"));
    expect(asked.slice(1)).toEqual(["/runs/7/logs/lines/?seqs=3-5", "/runs/7/logs/lines/?seqs=5"]);
    expect(arrived).toHaveBeenCalledTimes(2);
    source.prefetch([3, 4]);
    await settled();
    expect(asked).toHaveLength(3);
    expect((await source.lines([4, 5])).map((one) => one.seq)).toEqual([4, 5]);
  });
  it("asks again for text that could not be loaded, and not at every movement meanwhile", async () => {
    vi.useFakeTimers();
    let online = false;
    const asked = server(() => (online ? { lines: [row(3)] } : null));
    const source = new LogSource("7", () => undefined, new Retries(() => 0.5));
    source.prefetch([3]);
    await vi.advanceTimersByTimeAsync(0);
    source.prefetch([3]);
    await vi.advanceTimersByTimeAsync(499);
    expect(asked).toHaveLength(1);
    online = true;
    await vi.advanceTimersByTimeAsync(1);
    expect(source.line(3)?.message).toBe("line 3");
  });
  it("asks for nothing more when the user is signed out", async () => {
    vi.useFakeTimers();
    const fetches = vi.fn(() => Promise.resolve(new Response("{}", { status: 401 })));
    vi.stubGlobal("fetch", fetches);
    const source = new LogSource("7", () => undefined, new Retries(() => 0.5));
    source.prefetch([3]);
    await vi.advanceTimersByTimeAsync(60_000);
    source.prefetch([4]);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(fetches).toHaveBeenCalledOnce();
    await expect(source.lines([3])).rejects.toThrow(ApiError);
  });
  it("does not ask for ever for lines that are gone", async () => {
    const asked = server(() => ({ lines: [] }));
    const source = new LogSource("7", () => undefined);
    source.prefetch([1]);
    await settled();
    expect(asked).toHaveLength(1);
    expect(await source.lines([1])).toEqual([]);
  });
});
