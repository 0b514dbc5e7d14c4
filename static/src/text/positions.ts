/** Finds the positions of values in a JSON text, and the first syntax error. Pure.
 *
 * Paths have the form of the API's problems: `nodes[3].config.sql`, `config["a b"]`; empty: the whole document.
 */

export interface Place {
  /** From 1. */
  readonly line: number;
  readonly lastLine: number;
  /** The offsets of the value's first character and after its last. */
  readonly start: number;
  readonly end: number;
}

interface SyntaxProblem {
  readonly line: number;
  readonly column: number;
  readonly offset: number;
  readonly expected: string;
}

type Read =
  | { readonly ok: true; readonly places: ReadonlyMap<string, Place> }
  | { readonly ok: false; readonly problem: SyntaxProblem };

const DEPTH_MAX = 200;
const IDENTIFIER = /^[\p{L}_][\p{L}\p{N}_]*$/u;

class Wrong extends Error {
  constructor(
    readonly offset: number,
    readonly expected: string,
  ) {
    super(expected);
  }
}

function keyPath(path: string, key: string): string {
  if (!IDENTIFIER.test(key)) return `${path}[${JSON.stringify(key)}]`;
  return path ? `${path}.${key}` : key;
}

export function read(text: string): Read {
  const starts = lineStarts(text);
  const places = new Map<string, Place>();
  const parser = new Parser(text, (path, start, end) =>
    places.set(path, { line: lineAt(starts, start), lastLine: lineAt(starts, Math.max(start, end - 1)), start, end }),
  );
  try {
    parser.whole();
    return { ok: true, places };
  } catch (error) {
    if (!(error instanceof Wrong)) throw error;
    const line = lineAt(starts, error.offset);
    return {
      ok: false,
      problem: {
        line,
        column: error.offset - (starts[line - 1] ?? 0) + 1,
        offset: error.offset,
        expected: error.expected,
      },
    };
  }
}

/** Returns the place of `path`, else of the nearest part around it that is in the text. */
export function nearest(places: ReadonlyMap<string, Place>, path: string): Place | null {
  for (let at = path; ; at = parent(at)) {
    const found = places.get(at);
    if (found) return found;
    if (!at) return null;
  }
}

function parent(path: string): string {
  const cut = path.endsWith('"]') ? path.lastIndexOf('["') : Math.max(path.lastIndexOf("."), path.lastIndexOf("["));
  return cut <= 0 ? "" : path.slice(0, cut);
}

export function lineStarts(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return starts;
}

function lineAt(starts: readonly number[], offset: number): number {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((starts[middle] ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  return low + 1;
}

class Parser {
  private at = 0;

  constructor(
    private readonly text: string,
    private readonly found: (path: string, start: number, end: number) => void,
  ) {}

  whole(): void {
    this.space();
    this.value("", 0);
    this.space();
    if (this.at < this.text.length) throw new Wrong(this.at, "end");
  }

  private value(path: string, depth: number): void {
    if (depth > DEPTH_MAX) throw new Wrong(this.at, "depth");
    const start = this.at;
    const char = this.text[this.at];
    if (char === "{") this.object(path, depth);
    else if (char === "[") this.array(path, depth);
    else if (char === '"') this.string();
    else this.literal();
    this.found(path, start, this.at);
  }

  private object(path: string, depth: number): void {
    this.at += 1;
    this.space();
    if (this.text[this.at] === "}") {
      this.at += 1;
      return;
    }
    for (;;) {
      if (this.text[this.at] !== '"') throw new Wrong(this.at, "key");
      const start = this.at;
      const key = this.string();
      this.space();
      if (this.text[this.at] !== ":") throw new Wrong(this.at, "colon");
      this.at += 1;
      this.space();
      const inner = keyPath(path, key);
      this.value(inner, depth + 1);
      // The place of a field begins at its name.
      this.found(inner, start, this.at);
      this.space();
      const next = this.text[this.at];
      if (next === ",") {
        this.at += 1;
        this.space();
      } else if (next === "}") {
        this.at += 1;
        return;
      } else throw new Wrong(this.at, "comma-object");
    }
  }

  private array(path: string, depth: number): void {
    this.at += 1;
    this.space();
    if (this.text[this.at] === "]") {
      this.at += 1;
      return;
    }
    for (let index = 0; ; index += 1) {
      this.value(`${path}[${index}]`, depth + 1);
      this.space();
      const next = this.text[this.at];
      if (next === ",") {
        this.at += 1;
        this.space();
      } else if (next === "]") {
        this.at += 1;
        return;
      } else throw new Wrong(this.at, "comma-list");
    }
  }

  private string(): string {
    const start = this.at;
    for (this.at += 1; ; this.at += 1) {
      const char = this.text[this.at];
      if (char === '"') break;
      if (char === undefined || char < " ") throw new Wrong(char === undefined ? start : this.at, "string");
      if (char === "\\") {
        const next = this.text[this.at + 1];
        if (next === "u") {
          if (!/^[0-9a-fA-F]{4}$/.test(this.text.slice(this.at + 2, this.at + 6))) throw new Wrong(this.at, "escape");
          this.at += 5;
        } else if (next !== undefined && '"\\/bfnrt'.includes(next)) this.at += 1;
        else throw new Wrong(this.at, "escape");
      }
    }
    this.at += 1;
    return JSON.parse(this.text.slice(start, this.at)) as string;
  }

  private literal(): void {
    const rest = /^(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)/.exec(
      this.text.slice(this.at, this.at + 400),
    );
    if (!rest) throw new Wrong(this.at, "value");
    this.at += rest[0].length;
  }

  private space(): void {
    while (this.at < this.text.length && " \t\r\n".includes(this.text[this.at] ?? "")) this.at += 1;
  }
}
