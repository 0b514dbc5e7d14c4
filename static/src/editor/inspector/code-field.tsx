/** Fields for code and for file paths. A plain text field of the same height is shown until the code editor is loaded. */

import type { Json } from "../../json";
import { type ReactNode, useEffect, useLayoutEffect, useRef, useState } from "react";
import { flushSync } from "react-dom";

import { showAndFocus, type ControlProps, useWriting } from "./controls";
import { Field, type Ids } from "./field";
import type { CodeField, CodeProblem, PathOptions } from "../code/options";
import { heightOf, PATH_PX } from "../code/size";
import { editorOffset } from "../code/spans";
import { loadOnce } from "../../load-once";
import { codeScope } from "./incoming";
import type { Language } from "./schema";
import type { FieldProblem } from "./field-problems";
import { MIXED, useFieldProblems, useSurroundings, useFocusRequest } from "./scope";
import { looseText, readLoose } from "./values";

/** Loads the code editor. The inspector calls it at its start, because most nodes have code. */
export const loadCode = loadOnce(() => import("../code/index"));
const loadPath = loadOnce(() => import("../code/files/path-field"));

interface CodeProps extends ControlProps {
  readonly node: string;
  readonly kind: Language | "json" | "read" | "write";
  /** The text may also stand for a number, true or false. */
  readonly loose?: boolean;
  readonly expressions: boolean;
  readonly minLines?: number;
}

/** The options of both kinds of fields. */
type Shared = Omit<PathOptions, "mode">;

const LINES_MAX = 24;
const isPath = (kind: CodeProps["kind"]): kind is "read" | "write" => kind === "read" || kind === "write";

export function CodeControl(props: CodeProps): ReactNode {
  const { path, label, help, required = false } = props;
  return (
    <Field path={path} label={label} help={help} required={required} group={!isPath(props.kind)} tall>
      {(ids) => <CodeHost {...props} ids={ids} />}
    </Field>
  );
}

function CodeHost(props: CodeProps & { ids: Ids }): ReactNode {
  const { path, label, kind, node, loose = false, expressions, ids, minLines = 3 } = props;
  const { editing } = useSurroundings();
  const { value, type, leave } = useWriting(props);
  const problems = useFieldProblems(path);
  const text =
    value === MIXED || value === undefined
      ? ""
      : loose
        ? typeof value === "string"
          ? value
          : looseText(value)
        : typeof value === "string"
          ? value
          : JSON.stringify(value, null, 2);
  const host = useRef<HTMLDivElement>(null);
  const plain = useRef<HTMLTextAreaElement>(null);
  const mounted = useRef<CodeField | null>(null);
  const [ready, setReady] = useState(false);
  const [failed, setFailed] = useState(false);
  const change = (next: string): void => type(loose ? looseValue(next) : next);
  // The code editor stays mounted between renders, so it calls the functions of the last one.
  const current = useRef({ change, leave, node });
  useLayoutEffect(() => {
    current.current = { change, leave, node };
  });

  useEffect(() => {
    let ended = false;
    const load = isPath(kind)
      ? loadPath().then(
          ({ mountPath }) =>
            (box: HTMLElement, shared: Shared) =>
              mountPath(box, { ...shared, mode: kind }),
        )
      : loadCode().then(
          ({ mountCode }) =>
            (box: HTMLElement, shared: Shared) =>
              mountCode(box, { ...shared, language: kind, minLines, maxLines: LINES_MAX, expressions }),
        );
    load.then(
      (mount) => {
        const { current: box } = host;
        if (ended || !box) return;
        const before = plain.current;
        const focused = before !== null && document.activeElement === before;
        const line = focused ? before.value.slice(0, before.selectionStart).split("\n").length : null;
        // Put the cursor where the user was typing.
        const at = focused && before.selectionStart === before.selectionEnd ? before.selectionStart : undefined;
        const shared = {
          value: before?.value ?? text,
          label,
          labelledBy: ids.label,
          describedBy: ids.describedBy,
          nonce: editing.facts.nonce,
          scope: () => codeScope(editing, current.current.node),
          onChange: (next: string) => current.current.change(next),
          onBlur: () => current.current.leave(),
          onStep: () => editing.store.endMerging(),
        };
        const field = mount(box, shared);
        mounted.current = field;
        // Remove the plain field at once, so that no two fields have the same name.
        flushSync(() => setReady(true));
        if (focused) field.focus(line, at);
      },
      () => setFailed(true),
    );
    return () => {
      ended = true;
      mounted.current?.destroy();
      mounted.current = null;
    };
    // The field is mounted once for its node and path; the effects below update its text and problems.
    // oxlint-disable-next-line react/exhaustive-deps
  }, []);

  useLayoutEffect(() => mounted.current?.setValue(text), [text, ready]);
  // While its text changes, the field moves the marks itself.
  // oxlint-disable-next-line react/exhaustive-deps
  useLayoutEffect(() => mounted.current?.setProblems(inEditor(problems, text)), [problems, ready]);
  useFocusRequest(path, (line) => {
    showAndFocus(plain.current ?? host.current);
    mounted.current?.focus(line);
    if (plain.current && line) select(plain.current, line);
  });
  // The height that the code editor will have, so that nothing moves when it replaces the plain field.
  const height = isPath(kind) ? PATH_PX : heightOf(text, minLines, LINES_MAX);
  return (
    <div className={isPath(kind) ? "codehost path" : "codehost"} style={{ minHeight: ready ? 0 : height }}>
      <div ref={host} className="codebox" />
      {!ready && (
        <textarea
          className="in mono"
          value={text}
          ref={plain}
          style={{ height }}
          id={ids.id}
          aria-labelledby={ids.label}
          aria-describedby={ids.describedBy}
          aria-invalid={ids.invalid || undefined}
          aria-busy={!failed || undefined}
          spellCheck={false}
          onChange={(event) => change(event.target.value)}
          onBlur={leave}
        />
      )}
    </div>
  );
}

/** Returns the problems with spans in UTF-16 units, which the code editor uses. */
const inEditor = (problems: readonly FieldProblem[], text: string): CodeProblem[] =>
  problems.map((one) => ({
    ...one,
    span: one.span && [editorOffset(text, one.span[0]), editorOffset(text, one.span[1])],
  }));

function looseValue(text: string): Json {
  const value = readLoose(text);
  return typeof value === "boolean" ? value : text;
}

function select(area: HTMLTextAreaElement, line: number): void {
  const start =
    area.value
      .split("\n")
      .slice(0, line - 1)
      .join("\n").length + (line > 1 ? 1 : 0);
  const end = area.value.indexOf("\n", start);
  area.setSelectionRange(start, end < 0 ? area.value.length : end);
}
