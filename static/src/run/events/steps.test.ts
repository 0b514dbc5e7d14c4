import { describe, expect, it } from "vitest";
import type { Step } from "../../live/protocol";
import { STEPS_MAX, StepList } from "./steps";

const step = (seq: number, node = "a"): Step => ({
  seq,
  at: "",
  node,
  from: null,
  to: "running",
  attempt: 1,
  reason: "",
  error: null,
});
const seqs = (steps: StepList): number[] => Array.from({ length: steps.size }, (_, i) => steps.at(i)?.seq ?? -1);

describe("the steps of a run", () => {
  it("are taken once, in order, and only of the wanted node", () => {
    const steps = new StepList("a");
    steps.append([step(3), step(4, "b"), step(5)]);
    expect(steps.append([step(5), step(6)]).added).toBe(1);
    expect(seqs(steps)).toEqual([3, 5, 6]);
  });
  it("are read back until there are no earlier ones", () => {
    const steps = new StepList("");
    steps.append([step(30)]);
    expect(steps.nextBefore).toBe(30);
    expect(steps.prepend([step(10), step(20), step(30)], 10)).toBe(2);
    expect(steps.nextBefore).toBe(10);
    // A page may be empty and still say where to go on.
    expect(steps.prepend([], 4)).toBe(0);
    expect([steps.nextBefore, steps.complete]).toEqual([4, false]);
    steps.prepend([step(1)], null);
    expect([seqs(steps), steps.complete]).toEqual([[1, 10, 20, 30], true]);
  });
  it("stay bounded while new ones come, and then ask again from their first", () => {
    const steps = new StepList("");
    steps.prepend([], null);
    steps.append(Array.from({ length: STEPS_MAX * 1.1 }, (_, i) => step(i + 1)));
    expect(steps.size).toBe(STEPS_MAX * 1.1);
    const { added, dropped } = steps.append([step(STEPS_MAX * 2)]);
    expect([added, steps.size, steps.complete]).toEqual([1, STEPS_MAX, false]);
    expect(steps.nextBefore).toBe(dropped + 1);
  });
  it("are not taken away under who reads them", () => {
    const steps = new StepList("");
    steps.append(
      Array.from({ length: STEPS_MAX * 2 }, (_, i) => step(i + 1)),
      true,
    );
    expect(steps.size).toBe(STEPS_MAX * 2);
  });
});
