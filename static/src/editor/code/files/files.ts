/** The files of the server as path fields offer them. */

import { isObject, type Json } from "../../../json";
import { ApiError, call, csrf } from "../../../api/client";

import { gettext } from "../../../words/i18n";

export interface FileEntry {
  /** Under the files folder, parted by slashes. */
  readonly path: string;
  readonly bytes: number;
  readonly modifiedAt: string;
}

export interface Listing {
  readonly files: readonly FileEntry[];
  /** Whether these are all. */
  readonly whole: boolean;
}

const KEPT_MS = 20_000;
const PAGES_MAX = 3;
const PAGE = 1000;

let kept: { at: number; listing: Promise<Listing> } | null = null;

const isEntry = (value: Json): FileEntry[] =>
  isObject(value) && typeof value["path"] === "string"
    ? [
        {
          path: value["path"],
          bytes: typeof value["bytes"] === "number" ? value["bytes"] : 0,
          modifiedAt: typeof value["modified_at"] === "string" ? value["modified_at"] : "",
        },
      ]
    : [];

async function load(): Promise<Listing> {
  const files: FileEntry[] = [];
  let after = "";
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const { body } = await call(
      "GET",
      `/api/v1/files/?limit=${PAGE}${after ? `&after=${encodeURIComponent(after)}` : ""}`,
    );
    const found = Array.isArray(body["results"]) ? body["results"].flatMap(isEntry) : [];
    files.push(...found);
    if (!body["next"] || !found.length) return { files, whole: true };
    after = found.at(-1)?.path ?? "";
  }
  return { files, whole: false };
}

/** All files, as they were at most some seconds ago; rejects when they cannot be read. */
export function listFiles(fresh = false): Promise<Listing> {
  const now = performance.now();
  if (fresh || !kept || now - kept.at > KEPT_MS) {
    const listing = load();
    kept = { at: now, listing };
    listing.catch(() => {
      kept = null;
    });
  }
  return kept.listing;
}

export const addressOf = (path: string): string => `/api/v1/files/${path.split("/").map(encodeURIComponent).join("/")}`;

/** What can be said about one file now; null: there is none. */
export async function fileAt(path: string): Promise<FileEntry | null> {
  const folder = path.slice(0, path.lastIndexOf("/") + 1);
  try {
    // The listing of the folder: the file itself would be sent whole.
    const { body } = await call(
      "GET",
      `/api/v1/files/?limit=${PAGE}${folder ? `&under=${encodeURIComponent(folder)}` : ""}`,
    );
    const found = Array.isArray(body["results"]) ? body["results"].flatMap(isEntry) : [];
    return (
      found.find((file) => file.path === path) ??
      (body["next"] ? ((await listFiles(true)).files.find((file) => file.path === path) ?? null) : null)
    );
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return null;
    throw error;
  }
}

export interface Upload {
  readonly done: Promise<void>;
  cancel(): void;
}

/** Sends a file as the raw body. `done` rejects with a sentence for people. */
export function upload(file: File, path: string, progress: (fraction: number) => void): Upload {
  const request = new XMLHttpRequest();
  const done = new Promise<void>((resolve, reject) => {
    const fail = (message: string): void => reject(new Error(message));
    request.open("PUT", addressOf(path));
    request.setRequestHeader("X-CSRFToken", csrf());
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.setRequestHeader("Accept", "application/json");
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable && event.total) progress(event.loaded / event.total);
    });
    request.addEventListener("load", () => {
      kept = null;
      if (request.status >= 200 && request.status < 300) return resolve();
      fail(saidBy(request));
    });
    request.addEventListener("error", () => fail(gettext("Offline: the file did not reach the server.")));
    request.addEventListener("abort", () => fail(gettext("The upload was cancelled; nothing was stored.")));
    request.send(file);
  });
  return { done, cancel: () => request.abort() };
}

function saidBy(request: XMLHttpRequest): string {
  if (request.status === 401) return gettext("You're signed out. Reload the page to sign in.");
  try {
    const body: unknown = JSON.parse(request.responseText);
    if (typeof body === "object" && body !== null && "detail" in body && typeof body.detail === "string")
      return body.detail;
  } catch {
    // A proxy may answer in its own way.
  }
  return `${request.status} ${request.statusText}`;
}
