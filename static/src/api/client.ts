/** Calls to the API of the same host, with the session's cookie and its CSRF token. */

import { isObject, type Json, type JsonObject } from "../json";
import { gettext } from "../words/i18n";

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly body: JsonObject,
  ) {
    super(message);
  }
}

export interface Answer {
  readonly status: number;
  readonly etag: string | null;
  readonly body: JsonObject;
}

export function csrf(): string {
  return document.querySelector<HTMLMetaElement>('meta[name="csrf-token"]')?.content ?? "";
}

/** Raises ApiError with the problem's code and detail, and TypeError when the host cannot be reached. */
export async function call(
  method: string,
  path: string,
  body?: Json,
  headers: Record<string, string> = {},
): Promise<Answer> {
  return send(method, path, body === undefined ? null : JSON.stringify(body), headers);
}

/** As `call`, with a body that is text already: JSON, unless the headers say something else. */
export async function send(
  method: string,
  path: string,
  text: string | null,
  headers: Record<string, string> = {},
  more: RequestInit = {},
): Promise<Answer> {
  const sent: Record<string, string> = { Accept: "application/json", "X-CSRFToken": csrf() };
  if (text !== null) sent["Content-Type"] = "application/json";
  const init: RequestInit = { method, headers: { ...sent, ...headers }, credentials: "same-origin", ...more };
  if (text !== null) init.body = text;
  const response = await fetch(path, init);
  const answer = await response.text();
  let read: Json = null;
  try {
    read = answer ? (JSON.parse(answer) as Json) : null;
  } catch {
    read = null;
  }
  const shape: JsonObject = isObject(read) ? read : {};
  if (!response.ok) {
    const code = typeof shape["code"] === "string" ? shape["code"] : "";
    // The server's words are for programs; whoever looks at a page has lost the session.
    if (response.status === 401)
      throw new ApiError(401, code, gettext("You're signed out. Reload the page to sign in."), shape);
    const detail = typeof shape["detail"] === "string" ? shape["detail"] : `${response.status} ${response.statusText}`;
    throw new ApiError(response.status, code, detail, shape);
  }
  return { status: response.status, etag: response.headers.get("ETag"), body: shape };
}
