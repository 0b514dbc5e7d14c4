import { describe, expect, it } from "vitest";
import SAID from "../words/examples.json";
import { formBody } from "./api-buttons";
import { sparklinePath } from "./sparkline";

describe("what a form of limits sends", () => {
  const form = (fields: Record<string, string>): FormData => {
    const made = new FormData();
    for (const [name, value] of Object.entries(fields)) made.set(name, value);
    return made;
  };
  it("holds numbers as numbers, and nothing of empty fields", () => {
    expect(
      formBody(
        form({
          "policy.soft_timeout": "60",
          "policy.hard_timeout": " ",
          "policy.memory_mb": "512",
          from: "start",
          next: "/x/",
        }),
      ),
    ).toEqual({
      policy: { soft_timeout: 60, memory_mb: 512 },
      from: "start",
    });
    expect(formBody(form({ "policy.soft_timeout": "", csrfmiddlewaretoken: "t" }))).toEqual({});
  });
});

describe("a small chart", () => {
  for (const [values, most, path] of SAID.spark) {
    it(`is drawn as the server draws it: ${JSON.stringify(values)}`, () =>
      expect(sparklinePath(values as (number | null)[], most as number)).toBe(path));
  }
});
