/** What a code field is given, and what it offers. */

import type { Column } from "../../document/store";

export type CodeLanguage = "sql" | "python" | "shell" | "expression" | "json" | "text";

/** Names that completion offers. */
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
  /** Null: unknown. */
  readonly columns: readonly Column[] | null;
}

export interface CodeProblem {
  /** Counted from 1; null: the problem is about the whole text. */
  readonly line: number | null;
  /** Start and end in positions of the editor; null: only the line is known. */
  readonly span: readonly [number, number] | null;
  readonly severity: "error" | "warning";
  readonly message: string;
  readonly fix?: { readonly label: string; apply(): void } | null | undefined;
}

interface FieldOptions {
  readonly value: string;
  /** Accessible name; used unless `labelledBy` is given. */
  readonly label: string;
  /** Ids of the elements that label and describe the field. */
  readonly labelledBy?: string | undefined;
  readonly describedBy?: string | undefined;
  readonly nonce: string;
  readonly readOnly?: boolean | undefined;
  /** Read on each completion. */
  readonly scope: () => Scope;
  readonly onChange: (value: string) => void;
  readonly onBlur?: (() => void) | undefined;
  /** Called before a change that starts a new undo step. */
  readonly onStep?: (() => void) | undefined;
}

export interface CodeOptions extends FieldOptions {
  readonly language: CodeLanguage;
  readonly minLines?: number | undefined;
  readonly maxLines?: number | undefined;
  /** Whether `{{ }}` is highlighted and completed. */
  readonly expressions: boolean;
}

export interface PathOptions extends FieldOptions {
  /** `write`: folders are suggested first, and a note tells when the file exists. */
  readonly mode: "read" | "write";
}

export interface CodeField {
  /** Replaces the text by the smallest change, without calling `onChange`. */
  setValue(text: string): void;
  setProblems(problems: readonly CodeProblem[]): void;
  /** Focuses the field, and moves the cursor to a line (from 1) or to a position. */
  focus(line?: number | null, at?: number): void;
  destroy(): void;
}
