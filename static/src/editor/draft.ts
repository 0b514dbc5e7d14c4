/** Loads the draft of a workflow. */

import { call } from "../api/client";
import { type Doc, readDocument } from "../document/document";
import { isObject, type Json, type JsonObject } from "../json";

export interface Loaded {
  readonly definition: JsonObject;
  readonly doc: Doc | null;
  /** ETag of the draft, for the next save. */
  readonly etag: string;
  readonly baseVersion: number | null;
  /** Null: no draft is saved, and `definition` is what a new one starts from. */
  readonly savedAt: string | null;
}

export async function loadDraft(slug: string): Promise<Loaded> {
  const answer = await call("GET", `/api/v1/workflows/${encodeURIComponent(slug)}/draft/?start=live`);
  const definition = isObject(answer.body["definition"]) ? answer.body["definition"] : {};
  const base: Json | undefined = answer.body["base_version"];
  const at: Json | undefined = answer.body["saved_at"];
  return {
    definition,
    doc: readDocument(definition),
    etag: answer.etag ?? '"0"',
    baseVersion: typeof base === "number" ? base : null,
    savedAt: typeof at === "string" ? at : null,
  };
}
