import type { JsonObject } from "../json";
import { describe, expect, it } from "vitest";
import { mustNamePort, outPorts } from "./ports";
import { BUILT_IN, nodeType } from "./testing/node-type";

const router = nodeType("acme.router", {
  config: {
    type: "object",
    properties: {
      routes: { type: "array", items: { type: "object", properties: { to: { type: "string", "x-port": true } } } },
      otherwise: { type: "string", "x-port": true },
    },
  },
  out_ports: null,
  default_ports: ["main"],
  must_name_port: true,
});
const types = new Map([...BUILT_IN, [router.type, router]] as const);
const ports = (type: string, config: JsonObject = {}): readonly string[] => outPorts({ id: "a", type, config }, types);

describe("ports out of a node", () => {
  it("are those of its type", () => {
    expect(ports("python")).toEqual(["out"]);
    expect(ports("not.installed")).toEqual(["out"]);
  });

  it("are named by the marked fields of its config, whatever the type is called", () => {
    expect(ports("acme.router")).toEqual(["main"]);
    expect(ports("acme.router", { routes: [{ to: "b" }, { to: "a" }, { to: "b" }, { to: "No" }, 3] })).toEqual([
      "b",
      "a",
    ]);
    expect(ports("acme.router", { routes: [{ to: "b" }], otherwise: "c" })).toEqual(["b", "c"]);
    expect(mustNamePort({ id: "a", type: "acme.router" }, types)).toBe(true);
  });

  it("of a branch are its cases and the default, else true and false", () => {
    expect(ports("branch", { condition: "true" })).toEqual(["true", "false"]);
    expect(ports("branch", { cases: [{ port: "big", when: "true" }], default: "small" })).toEqual(["big", "small"]);
    expect(ports("branch", { cases: [] })).toEqual([]);
  });
});
