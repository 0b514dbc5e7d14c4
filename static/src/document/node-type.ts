import type { JsonObject } from "../json";

/** A node type as the server describes it (`NodeType.describe` of the engine). */
export interface NodeType {
  readonly type: string;
  readonly name: string;
  /** tables, code, flow, services or other. */
  readonly category: string;
  /** Name of an icon of the sprite. */
  readonly icon: string;
  readonly description: string;
  /** JSON Schema of `config`, with the marks `x-editor`, `x-expression`, `x-path`, `x-port` and `x-missing`. */
  readonly config: JsonObject;
  /** The config of a new node. */
  readonly default_config: JsonObject;
  /** The field of `config` that holds code; its language tells how the code names inputs. */
  readonly code: { readonly field: string; readonly language: string } | null;
  /** The fields of `config` that name files. */
  readonly paths: readonly { readonly field: string; readonly direction: "read" | "write" }[];
  /** Its columns and first rows are known before a run. */
  readonly previews_files: boolean;
  /** Null: the config names them, at the fields marked with `x-port`. */
  readonly out_ports: readonly string[] | null;
  /** The ports while the config names none. */
  readonly default_ports: readonly string[];
  /** Edges out of it name their port. */
  readonly must_name_port: boolean;
  /** False: edges into it only order. */
  readonly uses_inputs: boolean;
  /** A node without an edge into it is a problem. */
  readonly needs_input: boolean;
  /** False: it takes inputs whatever they are called. */
  readonly names_inputs: boolean;
  /** `any`: a table or a value; `input`: what came in. */
  readonly output: "any" | "table" | "value" | "input" | "nothing";
  /** Types that usually come after and before it, the likeliest first. */
  readonly followed_by: readonly string[];
  readonly preceded_by: readonly string[];
  /** Place among the types offered for a first node, and for one between two others; null: not offered. */
  readonly start_rank: number | null;
  readonly between_rank: number | null;
}

export type NodeTypes = ReadonlyMap<string, NodeType>;
