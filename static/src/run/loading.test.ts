import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError } from "../api/client";
import { LoadingState } from "./loading";

describe("what stands in the place of what is not there yet", () => {
  let host: HTMLElement;
  let tries: number;
  let coming: LoadingState;
  beforeEach(() => {
    vi.useFakeTimers();
    host = document.createElement("div");
    tries = 0;
    coming = new LoadingState(host, "The log could not be loaded", () => (tries += 1));
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
