/** The colours of the design tokens for the painter, read once per theme. */

import { STATES } from "./picture";

const TOKENS = {
  ground: "var(--ground)",
  surface: "var(--surface)",
  line: "var(--line)",
  lineStrong: "var(--line-strong)",
  ink: "var(--ink)",
  ink2: "var(--ink-2)",
  ink3: "var(--ink-3)",
  accent: "var(--accent)",
  accentSoft: "color-mix(in srgb, var(--accent) 22%, transparent)",
  stuck: "var(--stuck)",
  stuckSoft: "var(--stuck-soft)",
  done: "color-mix(in srgb, var(--succeeded) 55%, var(--line-strong))",
  live: "var(--running)",
  bad: "var(--upstream)",
} as const;

const NAMES: Readonly<Record<string, string>> = { timed_out: "timed-out", upstream_failed: "upstream" };

export type Theme = { readonly [name in keyof typeof TOKENS]: string } & {
  /** Colour of each state. */
  readonly states: readonly string[];
  /** Colour of each state as a block, NEUTRAL and HIGHLIGHTED included; nodes that have not started are muted. */
  readonly blocks: readonly string[];
  readonly family: string;
};

export function readTheme(host: HTMLElement): Theme {
  const probe = document.createElement("span");
  probe.hidden = true;
  host.append(probe);
  const style = getComputedStyle(probe);
  const read = (value: string): string => {
    probe.style.color = value;
    return style.color;
  };
  const tokens = Object.fromEntries(Object.entries(TOKENS).map(([name, value]) => [name, read(value)])) as {
    [name in keyof typeof TOKENS]: string;
  };
  const states = STATES.map((state) => read(`var(--${NAMES[state] ?? state})`));
  const quiet = read("color-mix(in srgb, var(--line-strong) 82%, var(--ink-3))");
  // After the states: NEUTRAL and HIGHLIGHTED.
  const blocks = [
    ...STATES.map((state, code) => (state === "pending" || state === "skipped" ? quiet : (states[code] ?? quiet))),
    quiet,
    tokens.ink2,
  ];
  const family = style.fontFamily;
  probe.remove();
  return { ...tokens, states, blocks, family };
}

/** Calls `changed` when the theme may have changed; returns a function that stops this. */
export function watchTheme(changed: () => void): () => void {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  dark.addEventListener("change", changed);
  const observer = new MutationObserver(changed);
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  return () => {
    dark.removeEventListener("change", changed);
    observer.disconnect();
  };
}
