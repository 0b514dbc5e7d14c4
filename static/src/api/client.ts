/** Requests to this server, with the session's cookie and its CSRF token. */

import { type Json, type JsonObject, parseObject } from "../json";
import { gettext } from "../words/i18n";

/** An answer that is an error. Its message is for people. */
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

interface Answer {
  readonly status: number;
  readonly etag: string | null;
  readonly body: JsonObject;
}

export function csrf(): string {
  return document.querySelector<HTMLMetaElement>('meta[name="csrf-token"]')?.content ?? "";
}

export const signedOut = (body: JsonObject, code = ""): ApiError =>
  new ApiError(401, code, gettext("You're signed out. Reload the page to sign in."), body);

/** Makes the error of an answer. Its message is the problem's detail, or the status if the answer is no problem. */
export function errorOf(status: number, statusText: string, text: string): ApiError {
  const body = parseObject(text) ?? {};
  const code = typeof body["code"] === "string" ? body["code"] : "";
  // The server's detail is about credentials of programs.
  if (status === 401) return signedOut(body, code);
  if (typeof body["detail"] === "string") return new ApiError(status, code, body["detail"], body);
  return new ApiError(
    status,
    code,
    status === 403 ? gettext("The server rejected this. Reload the page and try again.") : `${status} ${statusText}`,
    body,
  );
}

export const offlineText = (): string => gettext("You're offline. Try again when you're connected.");

/** Returns why a request failed, for people; `offline`: the sentence if the server cannot be reached. */
export function errorText(error: unknown, offline = offlineText()): string {
  return error instanceof Error && !(error instanceof TypeError) ? error.message : offline;
}

/** Raises ApiError, also for a redirect, which leads to the page to sign in; TypeError: the server cannot be reached. */
async function request(
  method: string,
  path: string,
  headers: Record<string, string>,
  more: RequestInit,
): Promise<{ readonly response: Response; readonly text: string }> {
  const response = await fetch(path, { method, headers, credentials: "same-origin", ...more });
  const text = await response.text();
  if (response.redirected) throw errorOf(401, "", text);
  if (!response.ok) throw errorOf(response.status, response.statusText, text);
  return { response, text };
}

/** Calls the API. Raises ApiError and TypeError as `request` does. */
export async function call(
  method: string,
  path: string,
  body?: Json,
  headers: Record<string, string> = {},
): Promise<Answer> {
  return send(method, path, body === undefined ? null : JSON.stringify(body), headers);
}

/** As `call`, with a body that is JSON text already, or what a Content-Type in `headers` says. */
export async function send(
  method: string,
  path: string,
  body: BodyInit | null,
  headers: Record<string, string> = {},
  more: RequestInit = {},
): Promise<Answer> {
  const sent: Record<string, string> = { Accept: "application/json", "X-CSRFToken": csrf() };
  if (body !== null) sent["Content-Type"] = "application/json";
  const { response, text } = await request(method, path, { ...sent, ...headers }, { body, ...more });
  return { status: response.status, etag: response.headers.get("ETag"), body: parseObject(text) ?? {} };
}

/** Loads a page or part of one as HTML. Raises as `call` does. */
export async function loadHtml(path: string, more: RequestInit = {}): Promise<string> {
  return (await request("GET", path, { Accept: "text/html" }, more)).text;
}
