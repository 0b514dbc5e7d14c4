import { beforeEach, describe, expect, it } from "vitest";
import { commitPendingInput } from "./pending-input";

describe("what stands in a field that writes when it is left", () => {
  let left: number;
  let field: HTMLInputElement;
  beforeEach(() => {
    left = 0;
    field = document.createElement("input");
    field.value = "Cleaned";
    field.addEventListener("blur", () => (left += 1));
    document.body.replaceChildren(field);
    field.focus();
    field.setSelectionRange(2, 4);
  });
  it("is written, and the field keeps the keyboard and its cursor", () => {
    field.dataset["ownUndo"] = "";
    commitPendingInput();
    expect(left).toBe(1);
    expect(document.activeElement).toBe(field);
    expect([field.selectionStart, field.selectionEnd]).toEqual([2, 4]);
  });
  it("leaves other fields alone", () => {
    commitPendingInput();
    expect(left).toBe(0);
  });
});
