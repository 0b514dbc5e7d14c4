import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError } from "../api/client";
import { Retries } from "./retries";

const offline = new TypeError("Failed to fetch");
const answer = (status: number): ApiError => new ApiError(status, "", "", {});

let retries: Retries;
let tried: string[];
const log = (): void => void tried.push("log");
const events = (): void => void tried.push("events");

beforeEach(() => {
  vi.useFakeTimers();
  retries = new Retries(() => 0.5);
  tried = [];
});
afterEach(() => vi.useRealTimers());

describe("requests that failed", () => {
  it("are tried again together, after a wait that doubles while one of them fails", () => {
    retries.failed(offline, log);
    vi.advanceTimersByTime(400);
    retries.failed(answer(503), events);
    vi.advanceTimersByTime(100);
    expect(tried).toEqual(["log", "events"]);
    retries.answered(log);
    retries.failed(offline, events);
    vi.advanceTimersByTime(999);
    expect(tried).toHaveLength(2);
    vi.advanceTimersByTime(1);
    expect(tried).toEqual(["log", "events", "events"]);
    for (let n = 0; n < 8; n += 1) {
      retries.failed(offline, events);
      vi.advanceTimersByTime(15_000);
    }
    expect(tried).toHaveLength(11);
    retries.answered(events);
    retries.failed(offline, log);
    vi.advanceTimersByTime(500);
    expect(tried).toHaveLength(12);
  });
  for (const status of [401, 403, 404])
    it(`are left after a ${status}, the others too`, () => {
      retries.failed(offline, log);
      retries.failed(answer(status), events);
      retries.failed(offline, log);
      vi.advanceTimersByTime(60_000);
      expect(tried).toEqual([]);
      expect(retries.waits(log)).toBe(true);
    });
  it("are tried again after a later answer, for the user has signed in", () => {
    retries.failed(answer(401), log);
    retries.answered(events);
    retries.failed(offline, log);
    vi.advanceTimersByTime(500);
    expect(tried).toEqual(["log"]);
  });
  it("are left when the request itself is wrong, or no longer wanted", () => {
    retries.failed(answer(400), log);
    retries.failed(offline, events);
    retries.forget(events);
    vi.advanceTimersByTime(60_000);
    expect(tried).toEqual([]);
    expect(retries.waits(log)).toBe(false);
  });
  it("are tried at once when the server can be reached again", () => {
    retries.failed(offline, log);
    expect(retries.waits(log)).toBe(true);
    expect(retries.waits(events)).toBe(false);
    retries.now();
    expect(tried).toEqual(["log"]);
    vi.advanceTimersByTime(60_000);
    expect(tried).toEqual(["log"]);
  });
});
