/** Code fields: CodeMirror with what the editor knows, in a chunk of its own. Import types from here, the rest by `import()`. */

import type { Column } from "../../document/store";

export { mountCode } from "./field";

export type CodeLanguage = "sql" | "python" | "shell" | "expression" | "json" | "text";

/** What can be named in the text, as it is known when completion asks. */
export interface Scope {
  readonly inputs: readonly ScopeInput[];
  /** Names after `inputs.` in expressions. */
  readonly workflowInputs: readonly string[];
  /** Nodes whose output an expression may read. */
  readonly upstream: readonly { readonly id: string; readonly name: string }[];
}

export interface ScopeInput {
  readonly port: string;
  readonly kind: "table" | "json" | "unknown";
  /** Null: not known. */
  readonly columns: readonly Column[] | null;
}

export interface CodeProblem {
  /** From 1; null: the text as a whole. */
  readonly line: number | null;
  /** Where it is, in positions of the editor; null: only its line is known. */
  readonly span: readonly [number, number] | null;
  readonly severity: "error" | "warning";
  readonly message: string;
  readonly fix?: { readonly label: string; apply(): void } | null | undefined;
}

export interface CodeOptions {
  readonly language: CodeLanguage;
  readonly value: string;
  /** Accessible name, where no visible label is named. */
  readonly label: string;
  /** Ids of elements. */
  readonly labelledBy?: string | undefined;
  readonly describedBy?: string | undefined;
  readonly nonce: string;
  readonly readOnly?: boolean | undefined;
  readonly minLines?: number | undefined;
  readonly maxLines?: number | undefined;
  /** Read each time something is completed. */
  readonly scope: () => Scope;
  readonly onChange: (value: string) => void;
  readonly onBlur?: (() => void) | undefined;
  /** What is typed next is another step of undo: after a pause, elsewhere in the text, or of another kind. */
  readonly onStep?: (() => void) | undefined;
  /** `{{ }}` are marked and completed. */
  readonly expressions: boolean;
}

export interface PathOptions {
  readonly value: string;
  readonly label: string;
  readonly labelledBy?: string | undefined;
  readonly describedBy?: string | undefined;
  readonly nonce: string;
  readonly readOnly?: boolean | undefined;
  readonly scope: () => Scope;
  readonly onChange: (value: string) => void;
  readonly onBlur?: (() => void) | undefined;
  readonly onStep?: (() => void) | undefined;
  /** `write`: folders are suggested, and the field says when the file exists. */
  readonly mode: "read" | "write";
}

export interface CodeField {
  /** Shows another text: the smallest change, without telling `onChange`. */
  setValue(text: string): void;
  setProblems(problems: readonly CodeProblem[]): void;
  /** `line` from 1; `at`: where in the text, instead. */
  focus(line?: number | null, at?: number): void;
  destroy(): void;
}
