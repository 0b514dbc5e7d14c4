/** A text field that writes its text when the user leaves it or presses Enter; Escape discards the text. */

import { type ReactNode, useEffect, useRef, useState } from "react";

export function LateInput({
  value,
  commit,
  ...rest
}: {
  value: string;
  commit: (text: string) => void;
  className?: string;
  id?: string;
  placeholder?: string;
  "aria-label"?: string;
  "aria-describedby"?: string;
}): ReactNode {
  const [text, setText] = useState<string | null>(null);
  const pending = useRef<{ text: string | null; commit: (text: string) => void }>({ text: null, commit });
  pending.current = { text, commit };
  const end = (): void => {
    const { text: typed } = pending.current;
    if (typed === null) return;
    pending.current.text = null;
    setText(null);
    if (typed.trim() !== value) commit(typed.trim());
  };
  // The selection may change without a blur event: write the text when the field is removed.
  useEffect(
    () => () => {
      const { text: typed, commit: write } = pending.current;
      if (typed !== null) write(typed.trim());
    },
    [],
  );
  return (
    <input
      {...rest}
      type="text"
      value={text ?? value}
      // The typed text is not in the document yet, so undo is the browser's.
      data-own-undo={text === null ? undefined : ""}
      autoComplete="off"
      spellCheck={false}
      onChange={(event) => setText(event.target.value)}
      onBlur={end}
      onKeyDown={(event) => {
        if (event.nativeEvent.isComposing) return;
        if (event.key === "Enter") {
          event.preventDefault();
          end();
        } else if (event.key === "Escape" && text !== null) {
          event.stopPropagation();
          pending.current.text = null;
          setText(null);
        }
      }}
    />
  );
}
