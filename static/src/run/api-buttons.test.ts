import { afterEach, describe, expect, it, vi } from "vitest";
import SAID from "../words/examples.json";
import { ApiButtons, formBody } from "./api-buttons";
import { RunStore } from "./store";
import { sparklinePath } from "./sparkline";

describe("what a form of limits sends", () => {
  const form = (fields: Record<string, string>): FormData => {
    const made = new FormData();
    for (const [name, value] of Object.entries(fields)) made.set(name, value);
    return made;
  };
  it("holds numbers as numbers, and nothing of empty fields", () => {
    expect(
      formBody(
        form({
          "policy.soft_timeout": "60",
          "policy.hard_timeout": " ",
          "policy.memory_mb": "512",
          from: "start",
          next: "/x/",
        }),
      ),
    ).toEqual({
      policy: { soft_timeout: 60, memory_mb: 512 },
      from: "start",
    });
    expect(formBody(form({ output: "empty_table" }))).toEqual({ output: "empty_table" });
    expect(formBody(form({ output: "", "policy.soft_timeout": "", csrfmiddlewaretoken: "t" }))).toEqual({});
  });
});

describe("a cancelled run", () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.useRealTimers();
    document.body.replaceChildren();
  });

  it("has its outcome shown when the server can be reached again", async () => {
    vi.useFakeTimers();
    let online = true;
    vi.stubGlobal("fetch", (path: string) =>
      online
        ? Promise.resolve(new Response(path.includes("summary") ? "<p data-receipt>2 nodes stopped.</p>" : "{}"))
        : Promise.reject(new TypeError("Failed to fetch")),
    );
    document.body.innerHTML =
      '<button data-cancel data-call-path="/api/v1/runs/7/cancel/"><span>Cancel</span></button><p data-run-outcome></p>';
    const store = new RunStore("7", "");
    new ApiButtons(store, document.body, () => undefined);
    document.querySelector("button")?.click();
    await vi.advanceTimersByTimeAsync(0);
    const outcome = (): string => document.querySelector("[data-run-outcome]")?.textContent ?? "";
    expect(outcome()).toBe("Stopping …");
    online = false;
    const run = { id: "7", workflow: "w", version: 1, state: "cancelled", counts: {}, created_at: "", priority: 5 };
    const ended = { ...run, started_at: null, finished_at: null };
    store.take({ type: "snapshot", seq: 1, run: ended, nodes: new Map() }, 0);
    await vi.advanceTimersByTimeAsync(0);
    expect(outcome()).toBe("");
    online = true;
    await vi.advanceTimersByTimeAsync(2000);
    expect(outcome()).toBe("2 nodes stopped.");
  });
});

describe("a small chart", () => {
  for (const [values, most, path] of SAID.spark) {
    it(`is drawn as the server draws it: ${JSON.stringify(values)}`, () =>
      expect(sparklinePath(values as (number | null)[], most as number)).toBe(path));
  }
});
