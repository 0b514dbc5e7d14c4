import type { NodeType } from "../node-type";
import described from "./node-types.json";
import describedPackage from "./package-types.json";

const byType = (types: unknown): ReadonlyMap<string, NodeType> =>
  new Map((types as NodeType[]).map((type) => [type.type, type]));

/** The built-in node types, as the server describes them. */
export const BUILT_IN = byType(described);

/** The node types of the package in tests/support/node_packages.py, as the server describes them. */
export const PACKAGE = byType(describedPackage);

/** A node type with the defaults of the server, and what a test is about. */
export const nodeType = (type: string, more: Partial<NodeType> = {}): NodeType => ({
  type,
  name: type,
  category: "other",
  icon: "dot",
  description: "",
  config: { type: "object", properties: {} },
  default_config: {},
  code: null,
  paths: [],
  previews_files: false,
  out_ports: ["out"],
  default_ports: ["out"],
  must_name_port: false,
  uses_inputs: true,
  needs_input: false,
  names_inputs: true,
  output: "any",
  followed_by: [],
  preceded_by: [],
  start_rank: null,
  between_rank: null,
  ...more,
});
