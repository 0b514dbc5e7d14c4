/** The tabs of the panel. A tab that is not shown has a mark when it contains a problem. */

import { type KeyboardEvent, type ReactNode, useRef } from "react";
import { gettext } from "../../words/i18n";

interface Tab {
  readonly name: string;
  readonly label: string;
  /** The highest severity of its problems. */
  readonly problems: "error" | "warning" | null;
}

export function Tabs({
  tabs,
  shown,
  show,
  label,
}: {
  tabs: readonly Tab[];
  shown: string;
  show: (name: string) => void;
  label: string;
}): ReactNode {
  const list = useRef<HTMLDivElement>(null);
  const turn = (event: KeyboardEvent): void => {
    const at = tabs.findIndex((tab) => tab.name === shown);
    const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    const index = (next + tabs.length) % tabs.length;
    show(tabs[index]?.name ?? shown);
    (list.current?.children[index] as HTMLElement | undefined)?.focus();
  };
  return (
    <div ref={list} className="tabs" role="tablist" aria-label={label} onKeyDown={turn}>
      {tabs.map((tab) => (
        <button
          key={tab.name}
          type="button"
          role="tab"
          id={`inspector-tab-${tab.name}`}
          aria-selected={tab.name === shown}
          aria-controls="inspector-body"
          tabIndex={tab.name === shown ? 0 : -1}
          onClick={() => show(tab.name)}
        >
          {tab.label}
          {tab.problems && tab.name !== shown && (
            <span className={tab.problems === "error" ? "tabmark" : "tabmark warning"}>
              <span className="sr">{tab.problems === "error" ? gettext("has problems") : gettext("has warnings")}</span>
            </span>
          )}
        </button>
      ))}
    </div>
  );
}
