import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { initialState } from "./machine";
import { Saver } from "./saver";

let sent: RequestInit[];

function saver(): Saver<string> {
  const ground = { tag: '"1"', base: null, drafted: true };
  return new Saver<string>(
    {
      slug: "w",
      user: "ann",
      same: (a, b) => a === b,
      request: (_saved, doc) => ({ method: "PUT", text: doc }),
      read: () => "",
    },
    initialState("", ground, null),
    () => undefined,
  );
}

beforeEach(() => {
  vi.useFakeTimers();
  sent = [];
  vi.stubGlobal("fetch", (_path: string, request: RequestInit) => {
    sent.push(request);
    return new Promise(() => undefined);
  });
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

describe("a draft that is saved while its page is closed", () => {
  for (const [what, text, fits] of [
    ["a short one", "x".repeat(48_000), true],
    ["a long one", "x".repeat(48_001), false],
    ["one that is long only in bytes", "資".repeat(16_001), false],
    ["one of three bytes each that just fits", "資".repeat(16_000), true],
  ] as const)
    it(`${fits ? "is" : "is not"} sent after the page: ${what}`, () => {
      const it = saver();
      it.edited(text);
      expect(it.atRisk).toBe(!fits);
      it.save(true);
      expect(sent.map(({ keepalive }) => keepalive)).toEqual([fits]);
    });
});
