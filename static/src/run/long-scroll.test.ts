import { describe, expect, it } from "vitest";
import { LongScroll } from "./long-scroll";

const VIEW = 200;

describe("where a long list stands", () => {
  it("is where the element stands as long as it fits", () => {
    const reach = new LongScroll(10_000);
    reach.resize(9_000, VIEW);
    reach.scrolled(8_800);
    expect([reach.height, reach.top, reach.offset, reach.atEnd]).toEqual([9_000, 8_800, 0, true]);
    expect(reach.correction()).toBeNull();
  });
  it("moves by a wheel's step as much as the element, and by the scroll bar in proportion", () => {
    const reach = new LongScroll(1_000_000);
    reach.resize(50_000_000, VIEW);
    reach.scrolled(500_000);
    const middle = reach.top;
    expect(middle / 50_000_000).toBeCloseTo(0.5, 3);
    reach.scrolled(500_100);
    expect(reach.top - middle).toBe(100);
  });
  it("does not move when it is put right", () => {
    const reach = new LongScroll(1_000_000);
    reach.resize(50_000_000, VIEW);
    reach.scrolled(500_000);
    for (let step = 1; step <= 200; step += 1) reach.scrolled(500_000 + step * 100);
    const { top } = reach;
    const wanted = reach.correction();
    expect(wanted).not.toBeNull();
    reach.corrected(Math.round(wanted ?? 0));
    expect(reach.top).toBe(top);
    expect(reach.top - reach.offset).toBe(Math.round(wanted ?? 0));
    expect(reach.correction()).toBeNull();
  });
  it("is put right at once where the element ends but the list does not", () => {
    const reach = new LongScroll(1_000_000);
    reach.resize(50_000_000, VIEW);
    const edge = 1_000_000 - VIEW;
    reach.corrected(reach.goTo(reach.end - 300));
    reach.corrected(edge - 50);
    expect(reach.scrolled(edge)).toBe(true);
    expect(reach.scrolled(0)).toBe(false);
    expect(reach.top).toBe(0);
  });
  it("reaches both ends exactly", () => {
    const reach = new LongScroll(1_000_000);
    reach.resize(50_000_000, VIEW);
    expect(reach.goTo(Infinity)).toBeCloseTo(1_000_000 - VIEW);
    expect(reach.top).toBe(50_000_000 - VIEW);
    expect(reach.atEnd).toBe(true);
    expect(reach.goTo(-5)).toBe(0);
  });
  it("stands still while the list grows beneath what is read", () => {
    const reach = new LongScroll(1_000_000);
    reach.resize(900_000, VIEW);
    reach.scrolled(700_000);
    for (let total = 900_000; total < 3_000_000; total += 50_000) reach.resize(total, VIEW);
    expect(reach.top).toBe(700_000);
    reach.corrected(reach.correction() ?? -1);
    expect(reach.top).toBe(700_000);
  });
});
