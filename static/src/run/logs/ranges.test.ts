import { describe, expect, it } from "vitest";
import { rangesText, SeqRanges } from "./ranges";

describe("numbers of lines as ranges", () => {
  it("know the nth number and the place of each, over gaps", () => {
    const ranges = new SeqRanges();
    for (const [first, count] of [
      [1, 3],
      [5, 1],
      [6, 200],
      [900, 2],
    ] as const)
      ranges.push(first, count);
    expect(ranges.count).toBe(206);
    expect([0, 2, 3, 4, 203, 204, 205, 206, -1].map((n) => ranges.at(n))).toEqual([1, 3, 5, 6, 205, 900, 901, 0, 0]);
    expect([0, 1, 3, 4, 5, 206, 900, 902].map((seq) => ranges.indexOf(seq))).toEqual([0, 0, 2, 3, 3, 204, 204, 206]);
    expect([4, 5, 899, 901].map((seq) => ranges.has(seq))).toEqual([false, true, false, true]);
  });
  it("take each number once, also of a batch that has grown", () => {
    const ranges = new SeqRanges();
    ranges.push(1, 10);
    ranges.push(5, 10);
    ranges.push(3, 2);
    expect([ranges.count, ranges.last]).toEqual([14, 14]);
    ranges.push(15);
    expect(ranges.at(14)).toBe(15);
  });
  it("agree with a plain list, whatever is pushed", () => {
    let seed = 7;
    const random = (n: number): number => (seed = (seed * 48271) % 2147483647) % n;
    const ranges = new SeqRanges();
    const list: number[] = [];
    for (let i = 0; i < 500; i += 1) {
      const first = ranges.last + 1 + random(3);
      const count = 1 + random(5);
      ranges.push(first, count);
      for (let n = 0; n < count; n += 1) list.push(first + n);
    }
    expect(ranges.count).toBe(list.length);
    expect(list.every((seq, n) => ranges.at(n) === seq && ranges.indexOf(seq) === n)).toBe(true);
    for (let seq = 0; seq < ranges.last + 3; seq += 1)
      expect(ranges.indexOf(seq)).toBe(list.filter((one) => one < seq).length);
  });
  it("hold a million lines of many batches and find any at once", () => {
    const ranges = new SeqRanges();
    for (let batch = 0; batch < 200_000; batch += 1) ranges.push(batch * 6 + 1, 5);
    expect(ranges.count).toBe(1_000_000);
    expect(ranges.at(999_999)).toBe(199_999 * 6 + 5);
    expect(ranges.indexOf(600_001)).toBe(500_000);
  });
  it("are said as the server reads them", () => {
    expect(rangesText([1, 2, 3, 7, 9, 10], 10)).toBe("1-3,7,9-10");
    expect(rangesText([1, 3, 5], 2)).toBe("1,3");
    expect(rangesText([], 2)).toBe("");
  });
});
