/** Starts the graph editor: loads the draft, makes the store, mounts the parts. */

import { isObject, type JsonObject } from "../json";
import type { NodeType } from "../document/node-type";
import { errorText } from "../api/client";
import { loadFailure } from "../behaviours/load-failure";
import { showSkeleton } from "../canvas/frame";
import { all, element, one } from "../dom";
import type { Doc } from "../document/document";

import { gettext } from "../words/i18n";
import { mountCanvas } from "./canvas";
import { startChecking } from "./checking/checking";
import { startDraftRuns } from "./runs/draft-runs";
import { type Loaded, loadDraft } from "./draft";
import { mountDrawer } from "./drawer/drawer";
import { mountToolbar } from "./commands/toolbar";
import { mountInspector } from "./inspector/index";
import { keepFocus } from "./keep-focus";
import { startKeys } from "./commands/keys";
import { showWhenUsed } from "./side-panels";
import { mountPalette } from "./palette/palette";
import { openAtNode } from "./open-at-node";
import type { Editing, Facts } from "./parts";
import { startPublished } from "./publishing/published";
import { startSaving } from "./saving/draft-saving";
import { EditorStore } from "../document/store";

function readFacts(root: HTMLElement): Facts {
  const value = JSON.parse(one("#editor-facts")?.textContent ?? "{}") as JsonObject;
  const text = (key: string): string => (typeof value[key] === "string" ? value[key] : "");
  const number = (key: string): number | null => (typeof value[key] === "number" ? value[key] : null);
  const types = (Array.isArray(value["types"]) ? value["types"] : []) as unknown as NodeType[];
  const pools = isObject(value["pools"]) ? Object.entries(value["pools"]) : [];
  return {
    slug: text("slug"),
    name: text("name"),
    user: text("user"),
    newest: number("newest"),
    live: number("live"),
    draftBase: number("draft_base"),
    archived: value["archived"] === true,
    types: new Map(types.map((type) => [type.type, type])),
    pools: new Map(pools.flatMap(([name, slots]) => (typeof slots === "number" ? [[name, slots] as const] : []))),
    mayDeploy: value["may_deploy"] === true,
    address: text("address"),
    nonce: root.dataset["nonce"] ?? "",
  };
}

export function startEditor(root: HTMLElement): void {
  const host = one("[data-edit-canvas]", root);
  if (!host) return;
  const facts = readFacts(root);
  host.replaceChildren();
  root.classList.remove("undrawn");
  const done = showSkeleton(host);
  loadDraft(facts.slug).then(
    (loaded) => {
      done();
      if (loaded.doc) start(root, facts, loaded, loaded.doc);
      else {
        root.classList.add("undrawn");
        host.replaceChildren(cannotDraw(facts));
        // The toolbar's commands need a graph.
        for (const button of all<HTMLButtonElement>(
          "[data-publish], [data-compare], [data-compare-too], [data-workflow-settings], [data-copy-json], [data-import-json]",
          root,
        ))
          button.disabled = true;
        one("[data-problem-count]", root)?.setAttribute("hidden", "");
      }
    },
    (error: unknown) => {
      done();
      const why = errorText(error);
      root.classList.add("undrawn");
      host.replaceChildren(loadFailure(gettext("The draft could not be loaded"), why, () => startEditor(root)));
    },
  );
}

function cannotDraw(facts: Facts): HTMLElement {
  const link = element("a", "btn", gettext("Open as text"));
  link.href = `${facts.address}edit/text/`;
  return element(
    "div",
    "empty",
    element("b", "", gettext("This draft cannot be shown as a graph")),
    element(
      "p",
      "",
      gettext(
        "Its nodes and edges must be lists of objects with unique IDs. The text editor shows where they are not.",
      ),
    ),
    link,
  );
}

function start(root: HTMLElement, facts: Facts, loaded: Loaded, doc: Doc): void {
  const store = new EditorStore(doc);
  // Parts use each other only after all are mounted.
  const editing = { facts, store } as { -readonly [K in keyof Editing]: Editing[K] };
  editing.saving = startSaving(editing, loaded);
  editing.checking = startChecking(editing);
  editing.published = startPublished(editing, loaded);
  editing.runs = startDraftRuns(editing);
  editing.palette = mountPalette(root, editing);
  editing.canvas = mountCanvas(root, editing);
  editing.inspector = showWhenUsed(root, mountInspector(root, editing));
  editing.drawer = mountDrawer(root, editing);
  mountToolbar(root, editing);
  editing.keyboard = keepFocus(root, editing);
  openAtNode(editing);
  startKeys(root, editing);
  root.dataset["ready"] = "";
}
