/** The completion sources of each language. */

import type { CompletionSource } from "@codemirror/autocomplete";
import type { CodeOptions } from "./options";

/** Returns a source whose code is loaded after the field; until then, or if that fails, it offers nothing. */
function lazy(load: () => Promise<CompletionSource>): CompletionSource {
  let source: CompletionSource | null = null;
  const loading = (): Promise<void> =>
    load().then(
      (loaded) => void (source = loaded),
      () => undefined,
    );
  void loading();
  return (context) => (source ? source(context) : loading().then(() => source?.(context) ?? null));
}

export function sources({
  language,
  scope,
  expressions,
}: Pick<CodeOptions, "language" | "scope" | "expressions">): readonly CompletionSource[] {
  const cel = (whole: boolean): CompletionSource => lazy(async () => (await import("./cel")).celSource(scope, whole));
  if (language === "python") return [lazy(async () => (await import("./python/complete")).pythonSource(scope))];
  if (language === "expression") return [cel(true)];
  const found: CompletionSource[] = expressions ? [cel(false)] : [];
  if (language === "sql") found.push(lazy(async () => (await import("./sql/complete")).sqlSource(scope)));
  return found;
}
