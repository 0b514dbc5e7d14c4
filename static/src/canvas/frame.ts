/** The elements of a canvas: stage, tools, minimap, and the skeleton while the graph loads. */

import { element, icon } from "../dom";
import { gettext } from "../words/i18n";
import { MAP_HEIGHT, MAP_WIDTH } from "./minimap";

/** The skeleton appears after this delay, so that a quick load does not flicker. */
const SKELETON_MS = 200;

export interface Frame {
  /** Receives keyboard and pointer events. */
  readonly stage: HTMLElement;
  readonly paint: HTMLCanvasElement;
  readonly cards: HTMLElement;
  readonly tools: HTMLElement;
  readonly map: HTMLCanvasElement;
  /** The live region for screen readers. */
  readonly announcer: HTMLElement;
}

let frames = 0;

export function makeFrame(host: HTMLElement, helpText: string): Frame {
  frames += 1;
  const paint = element("canvas", "cvpaint");
  paint.setAttribute("aria-hidden", "true");
  const flow = element("div", "cvcards");
  // Cards come and go with the view, and other nodes are only painted: screen readers use the live region instead.
  flow.setAttribute("aria-hidden", "true");
  const stage = element("div", "cvstage", paint, flow);
  const help = element("p", "sr", helpText);
  help.id = `canvas-help-${frames}`;
  for (const [name, value] of Object.entries({
    tabindex: "0",
    role: "application",
    "aria-label": gettext("Graph"),
    "aria-describedby": help.id,
  }))
    stage.setAttribute(name, value);
  const announcer = element("div", "sr");
  announcer.setAttribute("aria-live", "polite");
  const tools = element("div", "float cvtools");
  tools.setAttribute("role", "group");
  tools.setAttribute("aria-label", gettext("Graph view"));
  const map = element("canvas", "float cvmap");
  map.style.width = `${MAP_WIDTH}px`;
  map.style.height = `${MAP_HEIGHT}px`;
  map.setAttribute("aria-hidden", "true");
  host.replaceChildren(stage, help, announcer, tools, map);
  return { stage, paint, cards: flow, tools, map, announcer };
}

export interface Tool {
  readonly icon: string;
  readonly label: string;
  readonly keys?: string;
  readonly act: () => void;
}

export function fillTools(place: HTMLElement, tools: readonly Tool[]): void {
  place.replaceChildren(
    ...tools.map((tool) => {
      const button = element("button", "", icon(tool.icon));
      button.type = "button";
      button.title = tool.keys ? `${tool.label} (${tool.keys})` : tool.label;
      button.setAttribute("aria-label", tool.label);
      if (tool.keys) button.setAttribute("aria-keyshortcuts", tool.keys.replace("Shift ", "Shift+"));
      button.addEventListener("click", tool.act);
      return button;
    }),
  );
}

/** Shows grey cards while the graph loads; returns a function that removes them. */
export function showSkeleton(host: HTMLElement): () => void {
  const shown = element("div", "cvskeleton", ...Array.from({ length: 6 }, () => element("i")));
  shown.setAttribute("role", "status");
  shown.append(element("span", "sr", gettext("Loading the graph …")));
  const timer = window.setTimeout(() => host.append(shown), SKELETON_MS);
  return () => {
    window.clearTimeout(timer);
    shown.remove();
  };
}
