/** Lists and uploads the files of the server, for path fields. */

import { isObject, type Json } from "../../../json";
import { ApiError, call, csrf, errorOf, offlineText } from "../../../api/client";

import { gettext } from "../../../words/i18n";

export interface FileEntry {
  /** Path under the files folder, with slashes. */
  readonly path: string;
  readonly bytes: number;
  readonly modifiedAt: string;
}

interface Listing {
  readonly files: readonly FileEntry[];
  /** Whether the list is complete. */
  readonly whole: boolean;
}

const CACHE_MS = 20_000;
const PAGES_MAX = 3;
const PAGE = 1000;

let cached: { at: number; listing: Promise<Listing> } | null = null;

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

/** Returns all files. The list is cached for some seconds, unless a fresh one is asked for. */
export function listFiles(fresh = false): Promise<Listing> {
  const now = performance.now();
  if (fresh || !cached || now - cached.at > CACHE_MS) {
    const listing = load();
    cached = { at: now, listing };
    listing.catch(() => {
      cached = null;
    });
  }
  return cached.listing;
}

const addressOf = (path: string): string => `/api/v1/files/${path.split("/").map(encodeURIComponent).join("/")}`;

/** Returns one file as it is now; null: it does not exist. */
export async function fileAt(path: string): Promise<FileEntry | null> {
  const folder = path.slice(0, path.lastIndexOf("/") + 1);
  try {
    // List its folder, for a request of the file itself would download it.
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

/** Uploads a file as the raw body, with progress. `done` rejects with a message for people. */
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
      cached = null;
      if (request.status >= 200 && request.status < 300) return resolve();
      reject(errorOf(request.status, request.statusText, request.responseText));
    });
    request.addEventListener("error", () => fail(offlineText()));
    request.addEventListener("abort", () => fail(gettext("Upload cancelled.")));
    request.send(file);
  });
  return { done, cancel: () => request.abort() };
}
