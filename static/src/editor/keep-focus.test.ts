import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { readDocument } from "../document/document";
import { EditorStore } from "../document/store";
import { startKeys } from "./commands/keys";
import { keepFocus } from "./keep-focus";
import type { Editing } from "./parts";

// The window of the tests has no XPath, which htmx asks for when it loads.
vi.mock("htmx.org", () => ({ default: { ajax: vi.fn() } }));

let clock = 0;
let root: HTMLElement;
let stage: HTMLElement;
let field: HTMLInputElement;
let store: EditorStore;
let editing: Editing;
const frames = (): Promise<unknown> => new Promise((done) => requestAnimationFrame(done));
const press = (key: string): boolean =>
  (document.activeElement ?? document.body).dispatchEvent(
    new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }),
  );
const ids = (): string[] => store.doc.nodes.map(({ id }) => id);

/** Listeners of the page are never removed: each test takes its own away. */
const abort: (() => void)[] = [];

beforeEach(() => {
  const add = document.addEventListener.bind(document);
  vi.spyOn(document, "addEventListener").mockImplementation(
    (name: string, listener: EventListenerOrEventListenerObject, options?: boolean | AddEventListenerOptions) => {
      add(name, listener, options);
      abort.push(() => document.removeEventListener(name, listener, options));
    },
  );
  document.body.innerHTML =
    '<main class="edit"><div class="editcanvas" tabindex="-1"></div><div data-inspector><input></div></main>';
  root = document.querySelector("main") as HTMLElement;
  stage = document.querySelector(".editcanvas") as HTMLElement;
  field = document.querySelector("input") as HTMLInputElement;
  store = new EditorStore(readDocument({ nodes: ["a", "b"].map((id) => ({ id, type: "noop" })), edges: [] }) as never);
  clock = 10_000;
  editing = {
    store,
    canvas: { focus: () => stage.focus(), reveal: () => undefined },
    facts: { types: new Map() },
    inspector: {},
    palette: {},
    drawer: {},
  } as unknown as Editing;
  Object.assign(editing, { keyboard: keepFocus(root, editing, () => clock) });
  startKeys(root, editing);
});
afterEach(() => {
  for (const run of abort.splice(0)) run();
  vi.restoreAllMocks();
  document.body.replaceChildren();
});

describe("the focus of a field that an edit removes", () => {
  beforeEach(async () => {
    store.select(["a"]);
    await frames();
    field.focus();
    store.edit({ kind: "set", node: "b", path: ["name"], value: "B" }, { label: "Edit" });
    field.remove();
  });

  it("goes to the graph", async () => {
    await frames();
    expect(document.activeElement).toBe(stage);
  });
  it("takes no key for the graph that was typed for the field, within a second", async () => {
    press("Delete");
    expect(ids()).toEqual(["a", "b"]);
    await frames();
    clock += 999;
    press("Delete");
    press("d");
    expect(ids()).toEqual(["a", "b"]);
    clock += 1;
    press("Delete");
    expect(ids()).toEqual(["b"]);
  });
  it("is the user's own again after a click", async () => {
    await frames();
    stage.dispatchEvent(new Event("pointerdown", { bubbles: true }));
    press("Delete");
    expect(ids()).toEqual(["b"]);
  });
  it("lets Ctrl with a key through", async () => {
    await frames();
    stage.dispatchEvent(new KeyboardEvent("keydown", { key: "z", ctrlKey: true, bubbles: true, cancelable: true }));
    expect(store.undoLabel).toBe("");
  });
});

describe("the keyboard", () => {
  it("is in use while a text field has the focus, and for a second after a key", () => {
    expect(editing.keyboard.inUse).toBe(false);
    field.focus();
    expect(editing.keyboard.inUse).toBe(true);
    stage.focus();
    expect(editing.keyboard.inUse).toBe(false);
    press("ArrowLeft");
    clock += 999;
    expect(editing.keyboard.inUse).toBe(true);
    clock += 1;
    expect(editing.keyboard.inUse).toBe(false);
  });
  it("rests after a program selected another node, unless somebody moves the focus", () => {
    stage.focus();
    store.select(["a"]);
    editing.keyboard.moved();
    press("Delete");
    expect(ids()).toEqual(["a", "b"]);
    field.focus();
    expect(editing.keyboard.rests).toBe(false);
  });
});
