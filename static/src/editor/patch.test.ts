import { describe, expect, it } from "vitest";
import { patch, readChanges } from "./patch";

describe("repairs", () => {
  const document = { nodes: [{ id: "a", config: { sql: "x" } }, { id: "b" }] };

  it("replace, add and remove, and leave the document given alone", () => {
    const changed = patch(document, [
      { op: "replace", path: "/nodes/0/config/sql", value: "y" },
      { op: "add", path: "/nodes/-", value: { id: "c" } },
      { op: "remove", path: "/nodes/1" },
      { op: "add", path: "/a~1b", value: 1 },
    ]);
    expect(changed).toEqual({ nodes: [{ id: "a", config: { sql: "y" } }, { id: "c" }], "a/b": 1 });
    expect(document.nodes).toHaveLength(2);
  });
  it("that do not fit are refused", () => {
    expect(patch(document, [{ op: "replace", path: "/nodes/5", value: 1 }])).toBeNull();
    expect(patch(document, [{ op: "replace", path: "/no/where", value: 1 }])).toBeNull();
    expect(patch(document, [{ op: "remove", path: "/nothing" }])).toBeNull();
  });
  it("never reach beyond the document", () => {
    const changed = patch({}, [{ op: "add", path: "/__proto__", value: { polluted: true } }]);
    expect(Object.getPrototypeOf({})).not.toHaveProperty("polluted");
    expect(Object.hasOwn(changed as object, "__proto__")).toBe(true);
  });
  it("are read only when every change is one that is known", () => {
    expect(readChanges([{ op: "move", path: "/a", from: "/b" }])).toBeNull();
    expect(readChanges([{ op: "add", path: "/a", value: null }])).toEqual([{ op: "add", path: "/a", value: null }]);
    expect(readChanges(undefined)).toBeNull();
  });
});
