import { describe, expect, it } from "vitest";
import { DelayMeter } from "./delay";

const now = Date.parse("2026-11-24T10:01:00Z");

describe("how far behind a page is", () => {
  it("is told by events that come late by themselves", () => {
    const lag = new DelayMeter();
    expect(lag.received("2026-11-24T10:00:50Z", 3, now)).toBe(10);
    expect(lag.received("2026-11-24T10:00:59Z", 3, now)).toBe(0);
  });
  it("is nothing after the answer to a hello, whatever it tells of", () => {
    const lag = new DelayMeter();
    lag.helloSent();
    expect(lag.received("2026-11-24T10:00:00Z", 40, now)).toBe(0);
    expect(lag.received("2026-11-24T10:00:00Z", 40, now)).toBe(60);
  });
  it("is nothing when nothing was missed, and still something in the middle of a long answer", () => {
    const lag = new DelayMeter();
    lag.helloSent();
    expect(lag.received(null, 0, now)).toBe(0);
    lag.helloSent();
    expect(lag.received("2026-11-24T10:00:00Z", 10_000, now)).toBe(60);
  });
});
