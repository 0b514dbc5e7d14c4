import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { CodeField } from "../options";
import { mountPath } from "./path-field";

let there: { path: string; bytes: number; modifiedAt: string }[];
let uploads: { path: string; end: () => void; fail: (why: string) => void }[];
vi.mock("./files", () => ({
  listFiles: () => Promise.resolve({ files: there, whole: true }),
  fileAt: (path: string) => Promise.resolve(there.find((file) => file.path === path) ?? null),
  upload: (_file: File, path: string) => {
    let end = (): void => undefined;
    let fail = (_why: string): void => undefined;
    const done = new Promise<void>((resolve, reject) => {
      end = resolve;
      fail = (why) => reject(new Error(why));
    });
    uploads.push({ path, end, fail });
    return { done, cancel: () => fail("cancelled") };
  },
}));

let host: HTMLElement;
let field: CodeField;
let written: string[];
const toasts = (): string => document.querySelector("[data-toasts]")?.textContent ?? "";

function choose(name: string): void {
  const picker = host.querySelector<HTMLInputElement>("input[type=file]");
  Object.defineProperty(picker, "files", { configurable: true, value: [new File(["x"], name)] });
  picker?.dispatchEvent(new Event("change"));
}
async function uploading(): Promise<(typeof uploads)[0]> {
  await vi.waitFor(() => expect(uploads).toHaveLength(1));
  return uploads[0] as (typeof uploads)[0];
}

beforeEach(() => {
  there = [];
  uploads = [];
  written = [];
  document.body.innerHTML = "<div data-toasts></div><input><div class='host'></div>";
  host = document.querySelector(".host") as HTMLElement;
  field = mountPath(host, {
    value: "in/",
    label: "Path",
    nonce: "",
    mode: "read",
    scope: () => ({ inputs: [], workflowInputs: [], upstream: [] }),
    onChange: (value) => written.push(value),
  });
});
afterEach(() => document.body.replaceChildren());

describe("an upload", () => {
  it("writes its path, and leaves the focus of a person who types elsewhere", async () => {
    choose("a.csv");
    const upload = await uploading();
    document.querySelector("input")?.focus();
    upload.end();
    await vi.waitFor(() => expect(written).toEqual(["in/a.csv"]));
    await vi.waitFor(() => expect(host.textContent).not.toContain("Uploading"));
    expect(document.activeElement).toBe(document.querySelector("input"));
  });
  it("ends in the node that it was for when another one is chosen meanwhile", async () => {
    choose("a.csv");
    const upload = await uploading();
    field.destroy();
    upload.end();
    await vi.waitFor(() => expect(written).toEqual(["in/a.csv"]));
    expect(toasts()).toContain("in/a.csv was uploaded.");
  });
  it("replaces no file unasked when there is nobody left to ask", async () => {
    there = [{ path: "in/a.csv", bytes: 3, modifiedAt: "" }];
    choose("a.csv");
    field.destroy();
    const upload = await uploading();
    expect(upload.path).toBe("in/a-2.csv");
    upload.end();
    await vi.waitFor(() => expect(written).toEqual(["in/a-2.csv"]));
  });
  it("tells that it failed when its field is gone", async () => {
    choose("a.csv");
    const upload = await uploading();
    field.destroy();
    upload.fail("The disk is full.");
    await vi.waitFor(() => expect(toasts()).toContain("The disk is full."));
    expect(written).toEqual([]);
  });
});
