import type { Transaction } from "@codemirror/state";
import { ChangeSet } from "@codemirror/state";
import type { ViewUpdate } from "@codemirror/view";
import { describe, expect, it } from "vitest";
import { TypingSteps } from "./typing-steps";

/** An update as CodeMirror tells it; all that is read of one. */
function update(event: string, from: number, to: number, insert: string, length = 100): ViewUpdate {
  const transaction = { isUserEvent: (name: string) => event === name || event.startsWith(`${name}.`) } as Transaction;
  return { transactions: [transaction], changes: ChangeSet.of({ from, to, insert }, length) } as unknown as ViewUpdate;
}

describe("steps of undo while one types", () => {
  it("keep what is typed in a row together", () => {
    const steps = new TypingSteps();
    expect(steps.begins(update("input.type", 5, 5, "a"), 0)).toBe(true);
    expect(steps.begins(update("input.type", 6, 6, "b"), 100)).toBe(false);
    expect(steps.begins(update("input.type.compose", 7, 7, "c"), 700)).toBe(false);
  });

  it("take what an input method composes as one", () => {
    const steps = new TypingSteps();
    expect(steps.begins(update("input.type.compose", 5, 9, "ni"), 0)).toBe(true);
    expect(steps.begins(update("input.type.compose", 7, 7, "hao"), 100)).toBe(false);
    expect(steps.begins(update("input.type.compose", 5, 10, "你好"), 200)).toBe(false);
    expect(steps.begins(update("input.type", 7, 7, "a"), 300)).toBe(false);
    expect(steps.begins(update("input.type", 5, 8, "b"), 400)).toBe(true);
    expect(steps.begins(update("delete.selection", 0, 50, ""), 500)).toBe(true);
    expect(steps.begins(update("input.type.compose", 0, 0, "n"), 510)).toBe(false);
  });

  it("begin after a pause, elsewhere, with another line and with another kind of change", () => {
    const steps = new TypingSteps();
    steps.begins(update("input.type", 5, 5, "a"), 0);
    expect(steps.begins(update("input.type", 6, 6, "b"), 1000)).toBe(true);
    expect(steps.begins(update("input.type", 50, 50, "b"), 1100)).toBe(true);
    expect(steps.begins(update("input", 51, 51, "\n  "), 1200)).toBe(true);
    expect(steps.begins(update("input.type", 54, 54, "x"), 1300)).toBe(true);
    expect(steps.begins(update("delete.backward", 54, 55, ""), 1400)).toBe(true);
    expect(steps.begins(update("delete.backward", 53, 54, ""), 1500)).toBe(false);
    expect(steps.begins(update("input.complete", 53, 53, "select"), 1600)).toBe(true);
    expect(steps.begins(update("input.paste", 59, 59, "more"), 1700)).toBe(true);
  });
});
