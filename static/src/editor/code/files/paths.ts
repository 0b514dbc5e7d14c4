/** Paths under the files folder: plain paths, patterns and suggestions. Pure. */

import type { FileEntry } from "./files";

/** Returns whether a path names exactly one file under the files folder: no `{{ }}`, pattern, URL or absolute path. */
export const isPlain = (path: string): boolean =>
  path !== "" && !/[*?[\]{}]|^\/|^[a-z][a-z0-9+.-]*:|^~/i.test(path) && !path.endsWith("/");

export const hasPattern = (path: string): boolean =>
  /[*?[]/.test(path) && !path.includes("{{") && !/^\/|^[a-z][a-z0-9+.-]*:/i.test(path);

export const folderOf = (path: string): string => path.slice(0, path.lastIndexOf("/") + 1);

/** Turns a glob as DuckDB reads it into a RegExp: `*` and `?` match within a folder, `**` across folders. */
export function globPattern(glob: string): RegExp | null {
  let made = "";
  for (let at = 0; at < glob.length; at += 1) {
    const character = glob.charAt(at);
    if (glob.startsWith("**/", at)) {
      made += "(?:[^/]+/)*";
      at += 2;
    } else if (glob.startsWith("**", at)) {
      made += ".*";
      at += 1;
    } else if (character === "*") made += "[^/]*";
    else if (character === "?") made += "[^/]";
    else if (character === "[") {
      const close = glob.indexOf("]", at + 2);
      if (close < 0) return null;
      made += `[${glob
        .slice(at + 1, close)
        .replace(/^!/, "^")
        .replaceAll("\\", "\\\\")}]`;
      at = close;
    } else made += character.replace(/[.+^${}()|\\]/g, "\\$&");
  }
  try {
    return new RegExp(`^${made}$`);
  } catch {
    return null;
  }
}

interface PathOption {
  readonly path: string;
  readonly kind: "folder" | "file" | "glob";
  /** Number of files in the folder, or that match the pattern. */
  readonly count: number;
  readonly bytes: number;
}

const OFFERED_MAX = 400;

/** Suggests folders, patterns for files of one kind in a folder, and files; those nearest to what is written first. */
export function pathOptions(files: readonly FileEntry[], written: string, mode: "read" | "write"): PathOption[] {
  const folders = new Map<string, number>();
  const kinds = new Map<string, { count: number; bytes: number }>();
  for (const { path, bytes } of files) {
    for (let slash = path.indexOf("/"); slash >= 0; slash = path.indexOf("/", slash + 1)) {
      const folder = path.slice(0, slash + 1);
      folders.set(folder, (folders.get(folder) ?? 0) + 1);
    }
    const ending = /\.(?:csv|tsv|json|jsonl|ndjson|parquet)(?:\.(?:gz|zst))?$/.exec(path)?.[0];
    if (ending) {
      const glob = `${folderOf(path)}*${ending}`;
      const kind = kinds.get(glob) ?? { count: 0, bytes: 0 };
      kinds.set(glob, { count: kind.count + 1, bytes: kind.bytes + bytes });
    }
  }
  const within = folderOf(written);
  const depth = (path: string): number => path.split("/").length;
  const found: PathOption[] = [
    ...[...folders].map(([path, count]) => ({ path, kind: "folder" as const, count, bytes: 0 })),
    ...files.map(({ path, bytes }) => ({ path, kind: "file" as const, count: 1, bytes })),
    ...(mode === "read"
      ? [...kinds]
          .filter(([, kind]) => kind.count > 1)
          .map(([path, kind]) => ({ path, kind: "glob" as const, ...kind }))
      : []),
  ];
  const near = (option: PathOption): number =>
    (within && !option.path.startsWith(within) ? 100 : 0) + depth(option.path) * 2 + (option.kind === "glob" ? 1 : 0);
  return found
    .filter(({ path }) => path !== written)
    .sort((a, b) => near(a) - near(b) || (a.path < b.path ? -1 : 1))
    .slice(0, OFFERED_MAX);
}

/** Returns an unused path: `flights-2.csv` if `flights.csv` is taken. */
export function freeName(path: string, taken: (path: string) => boolean): string {
  const folder = folderOf(path);
  const name = path.slice(folder.length);
  const dot = name.indexOf(".", 1);
  const [stem, ending] = dot < 0 ? [name, ""] : [name.slice(0, dot), name.slice(dot)];
  for (let n = 2; ; n += 1) {
    const next = `${folder}${stem}-${n}${ending}`;
    if (!taken(next)) return next;
  }
}
