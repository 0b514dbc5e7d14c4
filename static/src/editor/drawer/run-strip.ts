/** The run of the draft in the drawer's bar: its state, a link to it, and a button that cancels it. */

import { element, icon, setAttribute, setHidden, setText } from "../../dom";
import type { RunStore } from "../../run/store";
import { fill, gettext } from "../../words/i18n";
import { count, stateLook, RUN_ENDED } from "../../words/words";
import { cancelRun } from "../runs/draft-runs";
import type { Editing } from "../parts";

export function mountRunStrip(host: HTMLElement, { store }: Editing): void {
  const chip = element("a", "chip");
  const cancel = element("button", "btn small", gettext("Cancel"));
  cancel.type = "button";
  cancel.dataset["draftCancel"] = "";
  const away = element("button", "btn quiet small icon", icon("bad", true));
  away.type = "button";
  away.setAttribute("aria-label", gettext("Dismiss"));
  host.setAttribute("role", "status");
  host.dataset["draftRun"] = "";
  host.replaceChildren(chip, cancel, away);
  let shown: RunStore | null = null;
  let dismissed = "";
  let forget = (): void => undefined;

  const draw = (): void => {
    const state = shown?.run?.state ?? (shown ? "queued" : "");
    setHidden(host, !shown || dismissed === shown.id);
    if (!shown) return;
    setAttribute(host, "data-state", state);
    const { icon: name, word } = stateLook(state);
    if (chip.dataset["of"] !== state) {
      chip.dataset["of"] = state;
      chip.className = `chip st-${state}`;
      chip.replaceChildren(icon(name), element("span"));
    }
    const ended = RUN_ENDED.has(state);
    const counts = shown.run?.counts ?? {};
    const asked = Object.entries(counts).reduce((sum, [each, n]) => sum + (each === "skipped" ? 0 : n), 0);
    const done = counts["succeeded"] ?? 0;
    const stateText =
      state === "running" && asked
        ? fill(gettext("{state}, {done} of {all}"), { state: word, done: count(done), all: count(asked) })
        : word;
    setText(chip.lastElementChild, fill(gettext("Run {run} · {state}"), { run: shown.id, state: stateText }));
    chip.href = `/runs/${encodeURIComponent(shown.id)}/`;
    chip.title = fill(gettext("Open run {run}"), { run: shown.id });
    setHidden(cancel, ended);
    setHidden(away, !ended);
  };
  cancel.addEventListener("click", () => {
    if (!shown) return;
    const run = shown.id;
    cancel.disabled = true;
    void cancelRun(run).finally(() => (cancel.disabled = false));
  });
  away.addEventListener("click", () => {
    dismissed = shown?.id ?? "";
    draw();
  });
  const turn = (): void => {
    forget();
    shown = store.run;
    forget = shown
      ? shown.listen((change) => {
          if (change.run || change.snapshot) draw();
        })
      : () => undefined;
    draw();
  };
  store.listen((update) => {
    if (update.run) turn();
  });
  turn();
}
