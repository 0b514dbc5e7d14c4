import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type CopyFormat, LocalCopies, type CopyStorage } from "./local-copies";
import type { Ground } from "./machine";

/** What a browser holds on to when its tabs are gone. */
class FakeShelf implements CopyStorage {
  readonly records = new Map<string, Map<string, Map<number, string>>>();
  broken = false;
  writes = 0;
  private of(place: string): Map<string, Map<number, string>> {
    const found = this.records.get(place) ?? new Map<string, Map<number, string>>();
    this.records.set(place, found);
    return found;
  }
  async write(
    place: string,
    tab: string,
    head: string,
    part: readonly [number, string] | null,
    anew: boolean,
  ): Promise<void> {
    await Promise.resolve();
    if (this.broken) throw new Error("QuotaExceededError");
    this.writes += 1;
    const record = (anew ? null : this.of(place).get(tab)) ?? new Map<number, string>();
    record.set(0, head);
    if (part) record.set(part[0], part[1]);
    this.of(place).set(tab, record);
  }
  async read(place: string): Promise<Map<string, string[]>> {
    if (this.broken) throw new Error("SecurityError");
    return new Map(
      [...this.of(place)].map(([tab, parts]) => [tab, [...parts].sort(([a], [b]) => a - b).map(([, text]) => text)]),
    );
  }
  async drop(place: string, tab: string): Promise<void> {
    this.of(place).delete(tab);
  }
}

type Doc = readonly string[];
const format: CopyFormat<Doc> = {
  kind: "test",
  whole: (doc) => JSON.stringify(doc),
  step: (before, doc) =>
    doc.length >= before.length && before.every((word, at) => doc[at] === word)
      ? JSON.stringify(doc.slice(before.length))
      : null,
  read: (whole, steps) => [whole, ...steps].flatMap((text) => JSON.parse(text) as string[]),
};
const ground: Ground = { tag: '"4"', base: 2, drafted: true };

function tabOf(shelf: CopyStorage, able: boolean[] = [], kind = format): LocalCopies<Doc> {
  return new LocalCopies(
    shelf,
    kind,
    "ada",
    "flights",
    (can) => able.push(can),
    () => undefined,
  );
}

describe("what is kept in the browser", () => {
  beforeEach(() => {
    vi.useFakeTimers();
    // Tabs of a test live in one page, where a channel would answer for those that are gone.
    vi.stubGlobal("BroadcastChannel", undefined);
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it("is the document of the last edit, found by the next tab with what it builds on", async () => {
    const shelf = new FakeShelf();
    const tab = tabOf(shelf);
    for (let n = 1; n <= 30; n += 1) {
      tab.keep(
        Array.from({ length: n }, (_, at) => `word ${at}`),
        ground,
      );
      await vi.advanceTimersByTimeAsync(100);
    }
    await vi.advanceTimersByTimeAsync(200);
    // Not once for each key: together after a moment.
    expect(shelf.writes).toBeLessThan(20);
    const [kept, ...others] = await tabOf(shelf).ofClosedTabs();
    expect(others).toEqual([]);
    expect([kept?.doc.length, kept?.ground]).toEqual([30, ground]);
  });

  it("is known as kept only when it is written", async () => {
    const tab = tabOf(new FakeShelf());
    const doc = ["a"];
    tab.keep(doc, ground);
    expect(tab.has(doc)).toBe(false);
    await tab.flush();
    expect(tab.has(doc)).toBe(true);
    expect(tab.has(["a"])).toBe(false);
  });

  it("is nothing any more when the server has it, and something again after the next edit", async () => {
    const shelf = new FakeShelf();
    const tab = tabOf(shelf);
    tab.keep(["a"], ground);
    await tab.flush();
    tab.saved(["a"], { ...ground, tag: '"5"' });
    await tab.flush();
    expect(await tabOf(shelf).ofClosedTabs()).toEqual([]);
    const next = tabOf(shelf);
    next.keep(["a", "b"], { ...ground, tag: '"5"' });
    await next.flush();
    expect((await tabOf(shelf).ofClosedTabs()).map(({ doc }) => doc)).toEqual([["a", "b"]]);
  });

  it("is each tab's own, newest first, until it is taken up", async () => {
    const shelf = new FakeShelf();
    for (const word of ["first", "second"]) {
      const tab = tabOf(shelf);
      tab.keep([word], ground);
      await tab.flush();
      await vi.advanceTimersByTimeAsync(1000);
    }
    const next = tabOf(shelf);
    const left = await next.ofClosedTabs();
    expect(left.map(({ doc }) => doc)).toEqual([["second"], ["first"]]);
    await next.remove(left[0]?.tab ?? "");
    expect((await next.ofClosedTabs()).map(({ doc }) => doc)).toEqual([["first"]]);
  });

  it("says when the browser keeps nothing, and when it does again", async () => {
    const shelf = new FakeShelf();
    const able: boolean[] = [];
    const tab = tabOf(shelf, able);
    shelf.broken = true;
    tab.keep(["a"], ground);
    await tab.flush();
    expect(able).toEqual([false]);
    shelf.broken = false;
    tab.keep(["a", "b"], ground);
    await tab.flush();
    expect(able.at(-1)).toBe(true);
    expect((await tabOf(shelf).ofClosedTabs()).map(({ doc }) => doc)).toEqual([["a", "b"]]);
  });

  it("is left alone when it cannot be read", async () => {
    const shelf = new FakeShelf();
    await shelf.write(JSON.stringify(["ada", "flights", "test"]), "old", "{not json", [1, "[]"], true);
    expect(await tabOf(shelf).ofClosedTabs()).toEqual([]);
  });
});
