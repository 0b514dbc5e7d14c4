import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError } from "../api/client";
import { LoadingState } from "./loading";
import { Retries } from "../live/retries";

describe("what stands in the place of what is not there yet", () => {
  let host: HTMLElement;
  let tries: number;
  let coming: LoadingState;
  beforeEach(() => {
    vi.useFakeTimers();
    host = document.createElement("div");
    tries = 0;
    coming = new LoadingState(host, "The log could not be loaded", () => (tries += 1), new Retries(() => 0.5));
  });
  afterEach(() => vi.useRealTimers());

  it("is nothing at first, then grey rows until it is there", () => {
    coming.begin();
    vi.advanceTimersByTime(150);
    expect(host.children).toHaveLength(0);
    vi.advanceTimersByTime(100);
    expect(host.querySelector("[role=status]")).not.toBeNull();
    coming.done();
    vi.advanceTimersByTime(1000);
    expect(host.children).toHaveLength(0);
  });
  it("is tried again by itself while that may help", () => {
    coming.retryLater(new TypeError("Failed to fetch"));
    vi.advanceTimersByTime(500);
    expect(tries).toBe(1);
    coming.retryLater(new ApiError(401, "", "You're signed out.", {}));
    coming.failed(new ApiError(401, "", "You're signed out.", {}));
    vi.advanceTimersByTime(60_000);
    expect(tries).toBe(1);
    expect(host.querySelector("button")).toBeNull();
  });
  it("says why it cannot be had, once, and tries again", () => {
    coming.begin();
    vi.advanceTimersByTime(300);
    coming.failed(new ApiError(500, "", "boom", {}));
    const alert = host.querySelector("[role=alert]");
    expect(host.children).toHaveLength(1);
    expect(alert?.textContent).toContain("The log could not be loadedSomething went wrong on the server.");
    alert?.querySelector("button")?.click();
    expect(tries).toBe(1);
    coming.begin();
    coming.failed(new ApiError(500, "", "boom", {}));
    vi.advanceTimersByTime(1000);
    expect(host.querySelector("[role=alert]")).toBe(alert);
    coming.failed(new TypeError("Failed to fetch"));
    expect(host.textContent).toContain("You're offline.");
    coming.done();
    expect(host.children).toHaveLength(0);
  });
});
