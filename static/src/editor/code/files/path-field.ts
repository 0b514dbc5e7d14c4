/** A path field: it completes the server's files, and uploads a file that is chosen or dropped on it. */

import type { Completion, CompletionContext, CompletionResult, CompletionSource } from "@codemirror/autocomplete";
import { EditorView } from "@codemirror/view";
import { errorText } from "../../../api/client";
import { formatTime, serverNow } from "../../../behaviours/clock";
import { toast } from "../../../behaviours/toast";
import { debounced, element, icon, isTyping } from "../../../dom";
import { fill, gettext, ngettext } from "../../../words/i18n";
import { size, visible } from "../../../words/words";
import { celSource } from "../cel";
import { mountField } from "../field";
import { fileAt, type FileEntry, listFiles, type Upload, upload } from "./files";
import type { CodeField, PathOptions } from "../options";
import { folderOf, freeName, globPattern, hasPattern, isPlain, pathOptions } from "./paths";

const LOOK_MS = 300;

let notes = 0;

const fileCountText = (n: number): string => fill(ngettext("{n} file", "{n} files", n), { n });

function source(mode: "read" | "write"): CompletionSource {
  return async (context: CompletionContext): Promise<CompletionResult | null> => {
    const written = context.state.sliceDoc(0, context.pos);
    if (written.includes("{{") || /^\/|^[a-z][a-z0-9+.-]*:/i.test(written) || (!written && !context.explicit))
      return null;
    let files: readonly FileEntry[];
    try {
      ({ files } = await listFiles());
    } catch {
      return null;
    }
    if (context.aborted) return null;
    const options = pathOptions(files, written, mode).map(({ path, kind, count, bytes }, order): Completion => ({
      label: path,
      sortText: `!${String(order).padStart(5, "0")}`,
      type: kind,
      detail:
        kind === "file"
          ? mode === "write"
            ? fill(gettext("exists · {size}"), { size: size(bytes) })
            : size(bytes)
          : kind === "glob"
            ? `${fileCountText(count)} · ${size(bytes)}`
            : fileCountText(count),
      boost: mode === "write" && kind === "folder" ? 20 : 0,
    }));
    return options.length ? { from: 0, options } : null;
  };
}

/** The note below the field. */
class Note {
  readonly dom = element("div", "pathnote");
  constructor() {
    this.dom.setAttribute("role", "status");
  }
  say(text: string, kind: "" | "bad" | "warns" = "", ...acts: Node[]): void {
    this.dom.className = `pathnote ${kind}`;
    this.dom.replaceChildren(...(text ? [element("span", "", text)] : []), ...acts);
  }
}

function act(label: string, run: () => void): HTMLButtonElement {
  const made = element("button", "linkish", label);
  made.type = "button";
  made.addEventListener("click", run);
  return made;
}

class PathField implements CodeField {
  private readonly inner: ReturnType<typeof mountField>;
  private readonly note = new Note();
  private readonly picker = element("input");
  private readonly button = element("button", "btn icon", icon("upload", true));
  private sending: Upload | null = null;
  private gone = false;
  /** Path of the file that was uploaded last. */
  private stored = "";
  /** Number of the last lookup; answers to earlier ones are ignored. */
  private lookups = 0;
  /** Whether the note asks what to do with a file; lookups leave it until the path is edited. */
  private asking = false;
  private problems: Parameters<CodeField["setProblems"]>[0] = [];
  private readonly lookSoon = debounced(LOOK_MS, () => {
    if (!this.asking) void this.look();
  });

  constructor(
    private readonly host: HTMLElement,
    private readonly options: PathOptions,
  ) {
    const { mode } = options;
    this.button.type = "button";
    this.button.setAttribute("aria-label", gettext("Upload a file"));
    this.button.title = gettext("Upload a file");
    this.button.addEventListener("click", () => this.picker.click());
    this.picker.type = "file";
    this.picker.hidden = true;
    this.picker.addEventListener("change", () => {
      const file = this.picker.files?.[0];
      // Allow to choose the same file again.
      this.picker.value = "";
      if (file) void this.take(file);
    });
    const place = element("div");
    const row = element("div", "pathrow", place);
    if (mode === "read" && !options.readOnly) row.append(this.button, this.picker);
    host.classList.add("pathfield");
    host.replaceChildren(row, this.note.dom);
    this.note.dom.id = `path-note-${(notes += 1)}`;
    this.inner = mountField(
      place,
      {
        ...options,
        language: "text",
        maxLines: 1,
        expressions: true,
        describedBy: [options.describedBy, this.note.dom.id].filter(Boolean).join(" "),
        onChange: (value) => {
          options.onChange(value);
          this.asking = false;
          this.lookSoon();
        },
      },
      {
        sources: [celSource(options.scope, false), source(mode)],
        continues: ({ type }) => type === "folder",
        extensions: EditorView.domEventHandlers({ focus: () => void listFiles().catch(() => undefined) }),
      },
    );
    if (mode === "read" && !options.readOnly) this.watchDrops();
    void this.look();
  }

  private get value(): string {
    return this.inner.view.state.doc.toString();
  }

  /** Looks up the path and describes its file in the note. */
  private async look(): Promise<void> {
    if (this.sending) return;
    const { value } = this;
    const look = (this.lookups += 1);
    const pattern = hasPattern(value) && this.options.mode === "read" ? globPattern(value) : null;
    if (!pattern && !isPlain(value)) return this.note.say("");
    try {
      const { files, whole } = await listFiles();
      const found = files.filter(({ path }) => (pattern ? pattern.test(path) : path === value));
      if (this.gone || look !== this.lookups || this.sending) return;
      const [first] = found;
      if (pattern) {
        const bytes = found.reduce((sum, file) => sum + file.bytes, 0);
        if (found.length) this.note.say(`${fileCountText(found.length)} · ${size(bytes)}`);
        else this.note.say(whole ? gettext("No files match.") : "", "warns");
      } else if (this.options.mode === "write")
        this.note.say(
          first
            ? fill(gettext("This file exists: {size}, {time}."), {
                size: size(first.bytes),
                time: timeText(first.modifiedAt),
              })
            : "",
        );
      else if (first && value === this.stored)
        this.note.say(fill(gettext("Uploaded: {size}"), { size: size(first.bytes) }));
      else if (first) this.note.say(`${size(first.bytes)} · ${timeText(first.modifiedAt)}`);
      // The problem says that the file is missing; the note says what helps.
      else
        this.note.say(whole && this.problems.length ? gettext("Upload it here, or write it in an upstream node.") : "");
    } catch {
      // The check and the run report a path that cannot be read.
      if (!this.gone && look === this.lookups) this.note.say("");
    }
  }

  private watchDrops(): void {
    const { host } = this;
    const holds = (event: DragEvent): boolean => event.dataTransfer?.types.includes("Files") ?? false;
    let inside = 0;
    const highlight = (on: boolean): void => void host.classList.toggle("dropping", on);
    // Before the text field, which would insert the content of the file.
    const listen = (name: "dragenter" | "dragover" | "dragleave" | "drop", run: (event: DragEvent) => void): void =>
      host.addEventListener(
        name,
        (event) => {
          if (!holds(event)) return;
          event.preventDefault();
          event.stopPropagation();
          run(event);
        },
        { capture: true },
      );
    listen("dragenter", () => highlight((inside += 1) > 0));
    listen("dragleave", () => highlight((inside -= 1) > 0));
    listen("dragover", (event) => {
      if (event.dataTransfer) event.dataTransfer.dropEffect = "copy";
    });
    listen("drop", (event) => {
      inside = 0;
      highlight(false);
      const files = [...(event.dataTransfer?.files ?? [])];
      const [file] = files;
      if (files.length > 1) this.note.say(gettext("Drop one file at a time."), "bad");
      else if (file) void this.take(file);
    });
  }

  /** Uploads a file; asks before it replaces another. When the field is gone meanwhile, because another node was chosen, the
   * file takes a free name instead, and its path still goes to the node that it was for. */
  private async take(file: File): Promise<void> {
    if (this.sending) return this.note.say(gettext("Another upload is in progress. Wait for it or cancel it."), "bad");
    const written = this.value;
    const name = file.name.replaceAll(/[\\/\u0000-\u001f\u007f]/g, "_");
    const path =
      (isPlain(written) || (written.endsWith("/") && isPlain(`${written}x`)) ? folderOf(written) : "") + name;
    try {
      const there = await fileAt(path);
      if (!there) return await this.send(file, path);
      const { files } = await listFiles(true);
      const other = freeName(path, (one) => files.some((each) => each.path === one));
      if (this.gone) return await this.send(file, other);
      this.asking = true;
      this.lookups += 1;
      const replace = act(gettext("Replace"), () => void this.send(file, path));
      this.note.say(
        fill(gettext("{path} already exists: {size}, {time}."), {
          path: visible(path),
          size: size(there.bytes),
          time: timeText(there.modifiedAt),
        }),
        "warns",
        replace,
        act(
          fill(gettext("Save as {name}"), { name: visible(other.slice(folderOf(other).length)) }),
          () => void this.send(file, other),
        ),
        act(gettext("Cancel"), () => void this.look()),
      );
      if (this.mayFocus) replace.focus();
    } catch (error) {
      this.fail(errorText(error));
    }
  }

  private async send(file: File, path: string): Promise<void> {
    const bar = element("progress", "bar");
    bar.max = 1;
    bar.value = 0;
    bar.setAttribute("aria-label", fill(gettext("Uploading {name}"), { name: visible(file.name) }));
    const sending = upload(file, path, (fraction) => {
      bar.value = fraction;
    });
    this.sending = sending;
    this.button.disabled = true;
    this.note.say(
      fill(gettext("Uploading {name}, {size}"), { name: visible(file.name), size: size(file.size) }),
      "",
      act(gettext("Cancel"), () => sending.cancel()),
      bar,
    );
    try {
      await sending.done;
      this.sending = null;
      if (this.gone) {
        this.options.onStep?.();
        this.options.onChange(path);
        this.options.onStep?.();
        toast(fill(gettext("{path} was uploaded."), { path: visible(path) }));
        return;
      }
      this.stored = path;
      this.put(path);
      await this.look();
      if (this.mayFocus) this.inner.focus();
    } catch (error) {
      this.fail(error instanceof Error ? error.message : String(error));
    } finally {
      this.sending = null;
      this.button.disabled = false;
    }
  }

  private fail(why: string): void {
    if (this.gone) toast(why, "error");
    else this.note.say(why, "bad");
  }

  /** Whether nobody types in another field meanwhile. */
  private get mayFocus(): boolean {
    const at = document.activeElement;
    return !this.gone && (!isTyping(at) || this.host.contains(at));
  }

  /** Sets the path as if it had been typed. */
  private put(path: string): void {
    const { view } = this.inner;
    if (this.value !== path)
      view.dispatch({
        changes: { from: 0, to: view.state.doc.length, insert: path },
        selection: { anchor: path.length },
      });
  }

  setValue(text: string): void {
    if (text === this.value) return;
    this.inner.setValue(text);
    void this.look();
  }
  setProblems(problems: Parameters<CodeField["setProblems"]>[0]): void {
    const known = this.problems.length;
    this.problems = problems;
    this.inner.setProblems(problems);
    if (known !== problems.length && !this.asking) void this.look();
  }
  focus(line?: number | null, at?: number): void {
    this.inner.focus(line, at);
  }
  destroy(): void {
    this.gone = true;
    this.inner.destroy();
    this.host.classList.remove("pathfield", "dropping");
    this.host.replaceChildren();
  }
}

const timeText = (iso: string): string => formatTime(iso, "day", serverNow());

export const mountPath = (host: HTMLElement, options: PathOptions): CodeField => new PathField(host, options);
