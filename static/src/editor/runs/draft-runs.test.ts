import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { readDocument } from "../../document/document";
import { EditorStore } from "../../document/store";
import type { Editing } from "../parts";
import { startDraftRuns } from "./draft-runs";

// The window of the tests has no XPath, which htmx asks for when it loads.
vi.mock("htmx.org", () => ({ default: { ajax: vi.fn() } }));

class FakeSocket {
  static readonly OPEN = 1;
  static made: FakeSocket[] = [];
  readyState = 1;
  onmessage: ((event: { data: string }) => void) | null = null;
  constructor() {
    FakeSocket.made.push(this);
  }
  send(): void {}
  close(): void {}
}

let store: EditorStore;
let keyboard: { inUse: boolean; rests: boolean; moved: () => void };
let shown: string[];
const toasts = (): HTMLElement => document.querySelector("[data-toasts]") as HTMLElement;

/** Follows a run of the draft whose node `b` failed. */
async function follow(): Promise<void> {
  startDraftRuns({
    store,
    keyboard,
    facts: { address: "/workflows/w/" },
    canvas: { reveal: (nodes: string[]) => shown.push(...nodes) },
    drawer: { show: (tab: string) => shown.push(tab) },
  } as unknown as Editing);
  await vi.waitFor(() => expect(FakeSocket.made).toHaveLength(1));
  const run = { id: "5", workflow: "w", state: "failed", counts: { failed: 1 } };
  const nodes = { b: { node: "b", type: "noop", name: "b", state: "failed" } };
  FakeSocket.made[0]?.onmessage?.({ data: JSON.stringify({ type: "snapshot", seq: 4, run, nodes }) });
}

beforeEach(() => {
  FakeSocket.made = [];
  vi.stubGlobal("WebSocket", FakeSocket);
  vi.stubGlobal("fetch", () => Promise.resolve(new Response(JSON.stringify({ tag: "t", outputs: {}, run: "5" }))));
  document.body.innerHTML = "<div data-toasts></div>";
  store = new EditorStore(readDocument({ nodes: ["a", "b"].map((id) => ({ id, type: "noop" })), edges: [] }) as never);
  keyboard = { inUse: false, rests: false, moved: vi.fn() };
  shown = [];
  store.select(["a"]);
});
afterEach(() => {
  vi.unstubAllGlobals();
  document.body.replaceChildren();
});

describe("a failed run of the draft", () => {
  it("shows the node that failed, and says that the selection moved", async () => {
    await follow();
    expect([store.node?.id, shown]).toEqual(["b", ["b", "data"]]);
    expect(keyboard.moved).toHaveBeenCalledOnce();
  });
  it("leaves the node in which somebody types, and offers to show the other", async () => {
    keyboard.inUse = true;
    await follow();
    expect([store.node?.id, shown]).toEqual(["a", []]);
    expect(toasts().textContent).toContain("failed at b");
    toasts().querySelector<HTMLButtonElement>(".btn")?.click();
    expect([store.node?.id, shown]).toEqual(["b", ["b", "data"]]);
  });
});
