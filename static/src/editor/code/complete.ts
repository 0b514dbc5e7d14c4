/** What completes in which language. Each key asks anew, so that what is offered fits the place. */

import type { CompletionSource } from "@codemirror/autocomplete";
import type { CodeOptions } from "./index";

/** A source that is loaded beside its field; until it is there, or when it cannot be had, nothing is offered. */
function later(load: () => Promise<CompletionSource>): CompletionSource {
  let source: CompletionSource | null = null;
  const coming = (): Promise<void> =>
    load().then(
      (loaded) => void (source = loaded),
      () => undefined,
    );
  void coming();
  return (context) => (source ? source(context) : coming().then(() => source?.(context) ?? null));
}

export function sources({
  language,
  scope,
  expressions,
}: Pick<CodeOptions, "language" | "scope" | "expressions">): readonly CompletionSource[] {
  const cel = (whole: boolean): CompletionSource => later(async () => (await import("./cel")).celSource(scope, whole));
  if (language === "python") return [later(async () => (await import("./python/complete")).pythonSource(scope))];
  if (language === "expression") return [cel(true)];
  const found: CompletionSource[] = expressions ? [cel(false)] : [];
  if (language === "sql") found.push(later(async () => (await import("./sql/complete")).sqlSource(scope)));
  return found;
}
