import { describe, expect, it } from "vitest";
import { tickLabel, panned, tickStep, ticks, zoomed } from "./scale";

describe("a scale of time", () => {
  it("has ticks at round times, far enough apart", () => {
    expect(tickStep({ from: 0, to: 60_000 }, 600, 80)).toBe(10_000);
    expect(tickStep({ from: 0, to: 200 }, 600, 80)).toBe(50);
    expect(ticks({ from: 1500, to: 9000 }, 500, 2000)).toEqual([2500, 4500, 6500, 8500]);
  });
  it("says times since the begin in the unit of the step", () => {
    expect([
      tickLabel(2500, 500),
      tickLabel(42_000, 2000),
      tickLabel(125_000, 5000),
      tickLabel(3_725_000, 60_000),
      tickLabel(0, 1000),
      tickLabel(-5000, 5000),
      tickLabel(20, 5),
    ]).toEqual(["2.5 s", "42 s", "2:05", "1:02:05", "0 s", "−5 s", "0.020 s"]);
  });
  it("zooms round a moment and never shows more than there is", () => {
    const whole = { from: 0, to: 1000 };
    const near = zoomed(whole, whole, 250, 0.5);
    expect(near).toEqual({ from: 125, to: 625 });
    expect(zoomed(near, whole, 250, 10)).toEqual(whole);
    expect(panned(near, whole, 9999)).toEqual({ from: 500, to: 1000 });
    expect(panned(near, whole, -9999)).toEqual({ from: 0, to: 500 });
    const nearest = zoomed(near, whole, 250, 1e-9);
    expect(nearest.to - nearest.from).toBeCloseTo(10);
  });
});
