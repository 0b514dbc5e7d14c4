import { afterEach, describe, expect, it } from "vitest";
import { waitingWords } from "./engine";

afterEach(() => {
  delete window.django;
});

function words(code: string, params?: Record<string, unknown>): string {
  return waitingWords({ code, message: "as it was stored", since: null, ...(params ? { params } : {}) });
}

describe("waiting conditions", () => {
  it("are said with their parameters", () => {
    expect(words("pool", { pool: 'a "b"', slots: 1, in_use: 1, pool_slots: 1 })).toBe(
      'Waits for 1 slot of pool "a "b"": 1 of 1 are in use.',
    );
    expect(words("upstream", { nodes: ["a", "b"], names: ["Load", "Clean"], more: 2 })).toBe(
      'Waits for "Load", "Clean" and 2 more to end.',
    );
    expect(words("upstream", { nodes: [], names: [], more: 0 })).toBe("Waits for its upstream nodes to be decided.");
    expect(words("run_queued", { max_runs: null })).toBe("Waits for the scheduler to start the run.");
    expect(words("run_queued", { max_runs: 2 })).toContain("at most 2 may run at once");
  });

  it("are translated", () => {
    window.django = { gettext: (text) => (text.startsWith("Waits for {slots} slots") ? "{pool}: {in_use}" : text) };
    expect(words("pool", { pool: "p", slots: 2, in_use: 3, pool_slots: 4 })).toBe("p: 3");
  });

  it("of earlier releases, and with codes that are not known, are said as they came", () => {
    expect(words("pool")).toBe("as it was stored");
    expect(words("moon", {})).toBe("as it was stored");
  });
});
