/** The drawer: data of the selected node or edge, problems, and changes since the live version. */

import type { DrawerTab } from "../../canvas/edit/page";
import { DrawerFrame } from "../../behaviours/drawer";
import { element, icon, one, setHidden, setText } from "../../dom";
import { nameOf } from "../../document/document";
import { fill, gettext } from "../../words/i18n";
import { count, visible } from "../../words/words";
import { mountChanges } from "./changes";
import { mountData } from "./data";
import { mountRunStrip } from "./run-strip";
import type { Drawer, Editing } from "../parts";
import { subjectOf } from "./preview";
import { mountProblems } from "./problems";

const TABS: readonly DrawerTab[] = ["data", "problems", "changes"];
const USUAL = 238;

export function mountDrawer(root: HTMLElement, editing: Editing): Drawer {
  const { store } = editing;
  const drawer = one("[data-edit-drawer]", root);
  if (!drawer) return { show: () => undefined };
  const numbers = { data: element("span", "n subject"), problems: element("span", "n"), changes: element("span", "n") };
  const words: Readonly<Record<DrawerTab, string>> = {
    data: gettext("Data"),
    problems: gettext("Problems"),
    changes: gettext("Changes"),
  };
  const grip = element("div", "drawgrip");
  grip.tabIndex = 0;
  for (const [name, value] of Object.entries({
    role: "separator",
    "aria-orientation": "horizontal",
    "aria-controls": "drawer",
    "aria-label": gettext("Height of the drawer"),
  }))
    grip.setAttribute(name, value);
  grip.dataset["drawerGrip"] = "";
  const tabs = element("div", "tabs");
  tabs.setAttribute("role", "tablist");
  tabs.setAttribute("aria-label", gettext("Parts of the drawer"));
  const hosts = new Map<DrawerTab, HTMLElement>();
  const tabWords = new Map<DrawerTab, HTMLElement>();
  const tools = new Map<DrawerTab, HTMLElement>();
  for (const name of TABS) {
    const word = element("span", "", words[name]);
    tabWords.set(name, word);
    const tab = element("button", "", word, " ", numbers[name]);
    tab.type = "button";
    tab.id = `tab-${name}`;
    tab.dataset["drawer"] = name;
    tab.setAttribute("role", "tab");
    tab.setAttribute("aria-controls", `drawer-${name}`);
    tabs.append(tab);
    const host = element("div", `drawpart${name === "data" ? "" : " scroll"}`);
    host.id = `drawer-${name}`;
    host.setAttribute("role", "tabpanel");
    host.setAttribute("aria-labelledby", tab.id);
    hosts.set(name, host);
    tools.set(name, element("div", "tools"));
  }
  const strip = element("div", "draftstrip");
  const fold = element("button", "btn quiet small icon drawfold", icon("chev", true));
  fold.type = "button";
  fold.dataset["drawerFold"] = "";
  fold.setAttribute("aria-expanded", "true");
  fold.setAttribute("aria-controls", "drawer");
  fold.setAttribute("aria-label", gettext("Collapse the drawer"));
  drawer.replaceChildren(grip, element("div", "drawbar", tabs, strip, ...tools.values(), fold), ...hosts.values());

  const turn = (name: DrawerTab): void => {
    frame.mark(name);
    for (const each of TABS) {
      setHidden(hosts.get(each) ?? null, each !== name);
      setHidden(tools.get(each) ?? null, each !== name);
    }
  };
  const show = (name: string): void => {
    frame.fold(false);
    turn(TABS.find((each) => each === name) ?? "data");
  };
  const frame = new DrawerFrame(root, {
    heightKey: "interlock.edit.drawer.height",
    foldedKey: "interlock.edit.drawer.folded",
    defaultHeight: USUAL,
    show,
  });

  const part = (name: DrawerTab): HTMLElement => hosts.get(name) ?? drawer;
  mountData(part("data"), tools.get("data") ?? drawer, editing);
  mountProblems(part("problems"), editing);
  const changes = mountChanges(part("changes"), editing);
  mountRunStrip(strip, editing);

  const label = (): void => {
    const subject = subjectOf(store);
    setText(numbers.data, subject ? visible(nameOf(subject)) : "");
    setText(numbers.problems, store.problems.length ? count(store.problems.length) : "");
    const { live } = editing.published;
    setText(
      tabWords.get("changes") ?? null,
      live === null ? words.changes : fill(gettext("Changes since v{n}"), { n: live }),
    );
    setText(numbers.changes, changes.count() ? count(changes.count()) : "");
  };
  editing.published.listen(label);
  store.listen((update) => {
    if (update.selection || update.problems || update.doc) label();
  });
  label();
  turn("data");
  return { show };
}
