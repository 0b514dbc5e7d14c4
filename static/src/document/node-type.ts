import type { JsonObject } from "../live/protocol";

/** What the palette and the forms need of a node type (`NodeType.describe` of the engine). */
export interface NodeType {
  readonly type: string;
  readonly name: string;
  /** tables, code, flow, services or other. */
  readonly category: string;
  /** Name of an icon of the sprite. */
  readonly icon: string;
  readonly description: string;
  /** JSON Schema of `config`, with `x-editor` and `x-expression`. */
  readonly config: JsonObject;
  /** Null: they depend on the config (branch), and an edge out of it must name its own. */
  readonly out_ports: readonly string[] | null;
  /** False: edges into it only order. */
  readonly uses_inputs: boolean;
  /** A node without an edge into it is a problem. */
  readonly needs_input?: boolean;
}
