/** The panel at the side: HTML of the server about the chosen node or the run, asked for again when what it shows changed. */

import htmx from "htmx.org";
import { refreshTimes } from "../behaviours/clock";
import { morph } from "../behaviours/morph";
import { element, one, throttled } from "../dom";
import type { NodeRun } from "../live/protocol";
import { readQuery } from "./address";
import type { RunStore } from "./store";

export interface Panel {
  /** Shows a tab of the chosen node (`why`, `output`, ...) and takes the focus there. */
  show(tab: string): void;
}

/** Parts of a node that its panel shows; progress alone does not ask the server again. */
function facets(node: NodeRun | undefined): string {
  return node ? JSON.stringify([node.state, node.attempt, node.reason, node.error, node.output, node.waiting_for]) : "";
}

export function startPanel(store: RunStore, root: HTMLElement): Panel {
  const panel = one("[data-panel]", root);
  if (!panel) throw new Error("The page has no panel.");
  const run = store.id;
  let tab = readQuery("tab");
  let known = "";

  const address = (): string => (store.chosen ? `/runs/${run}/nodes/${store.chosen}/panel/${tab ? `?tab=${tab}` : ""}` : `/runs/${run}/summary/`);

  const refresh = throttled(500, () => void reload());
  async function reload(): Promise<void> {
    if (document.hidden) return;
    const node = store.chosen;
    let response: Response;
    try {
      response = await fetch(address(), { headers: { Accept: "text/html" }, credentials: "same-origin" });
    } catch {
      return;
    }
    if (!panel || !response.ok || response.redirected || node !== store.chosen) return;
    const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
    const wanted = element("aside");
    wanted.append(...fresh.body.childNodes);
    for (const { name, value } of [...panel.attributes]) wanted.setAttribute(name, value);
    morph(panel, wanted);
    htmx.process(panel);
    refreshTimes(panel);
  }

  const shown = (): string => (store.chosen ? facets(store.nodes.get(store.chosen)) : (store.run?.state ?? "")) + String(store.chosen ? store.stuck.has(store.chosen) : store.stuck.size);

  store.listen((change) => {
    if (change.chosen) {
      tab = "";
      known = shown();
      void htmx.ajax("get", address(), { target: panel, swap: "innerHTML" });
      return;
    }
    if (!change.snapshot && !change.run && !change.stuck.size && !change.nodes.has(store.chosen)) return;
    const now = shown();
    // What the page came with is what the first snapshot says.
    if (known && known !== now) refresh();
    known = now;
  });
  document.addEventListener("click", (event) => {
    if (!(event.target instanceof Element)) return;
    if (event.target.closest("[data-panel-close]")) store.choose("");
    const link = event.target.closest<HTMLAnchorElement>("[data-panel] .tabs a");
    if (link) tab = new URL(link.href).searchParams.get("tab") ?? "";
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) refresh();
  });
  return {
    show(name) {
      const link = [...panel.querySelectorAll<HTMLAnchorElement>(".tabs a")].find((one) => new URL(one.href).searchParams.get("tab") === name);
      link?.click();
      link?.focus();
    },
  };
}
