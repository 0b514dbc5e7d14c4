import { beforeEach, expect, it, vi } from "vitest";
import { morph } from "../behaviours/morph";
import { removeNewRows, showNewRowsButton } from "./new-rows";

const list = (...keys: number[]): HTMLElement => {
  const parsed = new DOMParser().parseFromString(
    `<div id="list" data-hold>\n<table><tbody>${keys.map((key) => `<tr data-key="${key}"><td><a href="/${key}">${key}</a></td></tr>`).join("")}</tbody></table></div>`,
    "text/html",
  );
  return document.importNode(parsed.getElementById("list") as HTMLElement, true);
};
const shown = (): string[] => [...document.querySelectorAll("tr")].map((row) => row.textContent ?? "");
const button = (): HTMLButtonElement | null => document.querySelector(".newrows");

let part: HTMLElement;
/** As when the server is asked again. */
function refresh(fresh: HTMLElement, show = vi.fn()): void {
  const held = removeNewRows(part, fresh);
  morph(part, fresh);
  showNewRowsButton(part, held, show);
}

beforeEach(() => {
  part = list(2, 1);
  document.body.replaceChildren(part);
});

it("keeps new rows back until they are asked for, and counts them", () => {
  const row = document.querySelector("tr");
  const show = vi.fn();
  refresh(list(3, 2, 1), show);
  expect(shown()).toEqual(["2", "1"]);
  expect(button()?.textContent).toBe("Show 1 new");
  refresh(list(4, 3, 2, 1), show);
  expect(button()?.textContent).toBe("Show 2 new");
  expect(document.querySelectorAll(".newrows").length).toBe(1);
  expect(document.querySelector("tr")).toBe(row);
  button()?.click();
  expect(show).toHaveBeenCalledOnce();
});

it("takes the button away with the last of them, and the focus to the newest row", () => {
  refresh(list(3, 2, 1));
  button()?.focus();
  morph(part, list(3, 2, 1));
  showNewRowsButton(part, 0, vi.fn());
  expect([shown(), button()]).toEqual([["3", "2", "1"], null]);
  expect(document.activeElement?.textContent).toBe("3");
});

it("keeps nothing back from an empty list, nor from another one", () => {
  part = list();
  document.body.replaceChildren(part);
  refresh(list(1));
  expect([shown(), button()]).toEqual([["1"], null]);
  refresh(list(9, 8));
  expect([shown(), button()]).toEqual([["9", "8"], null]);
});
