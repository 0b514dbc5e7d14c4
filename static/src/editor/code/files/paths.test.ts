import { describe, expect, it } from "vitest";
import type { FileEntry } from "./files";
import { folderOf, freeName, globPattern, hasPattern, isPlain, pathOptions } from "./paths";

const FILES: readonly FileEntry[] = ["a.csv", "in/2013/01.csv", "in/2013/02.csv", "in/notes.txt", "out/a.parquet"].map(
  (path) => ({ path, bytes: 10, modifiedAt: "" }),
);

describe("paths of files", () => {
  it("are plain when they name one file under the files folder", () => {
    expect(["a.csv", "in/b c.csv", "ä.csv"].every(isPlain)).toBe(true);
    expect(["", "/etc/x", "s3://b/x", "in/*.csv", "in/", "{{ inputs.a }}", "a[1].csv", "~/x"].some(isPlain)).toBe(
      false,
    );
    expect(["in/*.csv", "a?.csv", "**/x"].every(hasPattern)).toBe(true);
    expect(["s3://b/*.csv", "/x/*.csv", "{{ inputs.a }}*"].some(hasPattern)).toBe(false);
  });

  it("match as the shell's patterns do", () => {
    const matching = (glob: string): string[] =>
      FILES.map(({ path }) => path).filter((path) => globPattern(glob)?.test(path));
    expect(matching("*.csv")).toEqual(["a.csv"]);
    expect(matching("**/*.csv")).toEqual(["a.csv", "in/2013/01.csv", "in/2013/02.csv"]);
    expect(matching("in/2013/0[!2].csv")).toEqual(["in/2013/01.csv"]);
    expect(matching("in/????/01.csv")).toEqual(["in/2013/01.csv"]);
    expect(matching("a+csv")).toEqual([]);
    expect(globPattern("a[")).toBeNull();
    expect(globPattern("a[z-a]")).toBeNull();
  });

  it("are offered nearest first: folders, files, and patterns where one reads several", () => {
    expect(
      pathOptions(FILES, "in/2013/", "read")
        .slice(0, 3)
        .map(({ path }) => path),
    ).toEqual(["in/2013/01.csv", "in/2013/02.csv", "in/2013/*.csv"]);
    expect(pathOptions(FILES, "", "read").map(({ path }) => path)).toEqual(
      expect.arrayContaining(["a.csv", "in/", "in/2013/", "in/2013/*.csv"]),
    );
    expect(pathOptions(FILES, "", "write").some(({ kind }) => kind === "glob")).toBe(false);
    expect(pathOptions(FILES, "a.csv", "read").some(({ path }) => path === "a.csv")).toBe(false);
  });

  it("find a name that is free", () => {
    expect(freeName("in/a.csv.gz", (path) => path === "in/a-2.csv.gz")).toBe("in/a-3.csv.gz");
    expect(freeName("plain", () => false)).toBe("plain-2");
    expect(freeName(".hidden", () => false)).toBe(".hidden-2");
    expect(folderOf("a.csv")).toBe("");
  });
});
