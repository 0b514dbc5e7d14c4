import { describe, expect, it } from "vitest";

import { baseText, isOutdated } from "./base-text";

describe("what a draft is based on", () => {
  it("is the version alone while that is live", () => {
    expect(baseText(3, { live: 3, start: 3 })).toBe("Draft of v3");
    expect(baseText(null, { live: null, start: null })).toBe("First draft");
  });

  it("is ahead of what is live, which asks for nothing while the version waits to be deployed", () => {
    expect(baseText(4, { live: 3, start: 4 })).toBe("Draft of v4 · ahead of v3 (live)");
    expect(isOutdated(4, { live: 3, start: 4 })).toBe(false);
  });

  it("is ahead of what is live and asks for a choice once the version was rolled back", () => {
    expect(isOutdated(4, { live: 3, start: 3 })).toBe(true);
  });

  it("is behind what others published", () => {
    expect(baseText(2, { live: 3, start: 3 })).toBe("Draft of v2 · behind v3 (live)");
    expect(isOutdated(2, { live: 3, start: 3 })).toBe(true);
  });

  it("names a newer version that is not live", () => {
    expect(baseText(3, { live: 3, start: 4 })).toBe("Draft of v3 · v4 is newer");
    expect(baseText(null, { live: 1, start: 1 })).toBe("First draft · v1 is newer");
  });
});
