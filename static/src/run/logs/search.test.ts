import { afterEach, describe, expect, it, vi } from "vitest";
import { SeqRanges } from "./ranges";
import { nextMatch, occurrences, LogSearch } from "./search";

const hits = (...seqs: number[]): SeqRanges => {
  const ranges = new SeqRanges();
  for (const seq of seqs) ranges.push(seq);
  return ranges;
};

describe("the hit to go to", () => {
  it("is the next after or before a line, round the ends", () => {
    const three = hits(5, 9, 30);
    expect([0, 5, 6, 9, 30, 99].map((seq) => nextMatch(three, seq, 1))).toEqual([0, 1, 1, 2, 0, 0]);
    expect([0, 5, 6, 30, 99].map((seq) => nextMatch(three, seq, -1))).toEqual([2, 2, 0, 1, 2]);
    expect(nextMatch(hits(), 3, 1)).toBe(-1);
  });
});

describe("a hit in a line", () => {
  it("is found whatever its case, without overlap", () => {
    expect(occurrences("aAaA b", "aa")).toEqual([
      [0, 2],
      [2, 4],
    ]);
    expect(occurrences("x", "")).toEqual([]);
    expect(occurrences("資料列", "料")).toEqual([[1, 2]]);
  });
  it("keeps its place behind a character that grows when its case goes", () => {
    expect(occurrences("İİ end", "END")).toEqual([[3, 6]]);
  });
});

describe("a search", () => {
  afterEach(() => vi.unstubAllGlobals());

  function server(...answers: object[]): string[] {
    const asked: string[] = [];
    vi.stubGlobal("fetch", (path: string) => {
      asked.push(path);
      const body = answers.shift();
      return body ? Promise.resolve(new Response(JSON.stringify(body))) : Promise.reject(new TypeError("offline"));
    });
    return asked;
  }

  it("goes on in parts until all is looked through, and again for new lines", async () => {
    const asked = server(
      { ranges: [3, 2], seen: 50, done: false },
      { ranges: [60, 1], seen: 90, done: true },
      { ranges: [101, 1], seen: 101, done: true },
    );
    const search = new LogSearch("7", { node: "a", level: "error", text: "ß" }, () => undefined);
    await search.searchTo(95);
    expect([search.matches.count, search.searchedTo, search.done]).toEqual([3, 95, true]);
    await search.searchTo(95);
    await search.searchTo(101);
    expect(search.matches.last).toBe(101);
    expect(asked).toEqual(
      ["0", "50", "95"].map((after) => `/runs/7/logs/search/?after=${after}&node=a&level=error&q=%C3%9F`),
    );
  });
  it("that was given up tells nothing more", async () => {
    server({ ranges: [3, 2], seen: 50, done: false });
    const told = vi.fn();
    const search = new LogSearch("7", { node: "", level: "", text: "x" }, told);
    const running = search.searchTo(95);
    search.cancel();
    await running;
    expect(search.matches.count).toBe(0);
  });
  it("does not ask for ever when the server does not move", async () => {
    const asked = server({ ranges: [], seen: 0, done: false }, { ranges: [], seen: 0, done: false });
    await new LogSearch("7", { node: "", level: "", text: "x" }, () => undefined).searchTo(9);
    expect(asked).toHaveLength(1);
  });
});
