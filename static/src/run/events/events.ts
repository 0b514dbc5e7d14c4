/** The state changes of a run, newest last. New ones come from the store; older ones are loaded by scrolling up. While a node
 * is selected, only its own are shown. */

import { clockTime } from "../../behaviours/clock";
import { call } from "../../api/client";
import { element, icon, one, setAttribute, setHidden, setText, throttled } from "../../dom";
import { readSteps, type Step } from "../../live/protocol";
import { fill, gettext } from "../../words/i18n";
import { stateLook, visible } from "../../words/words";
import { LoadingState } from "../loading";
import { errorSummary, reasonText } from "../../words/node-summary";
import { STEPS_READ_MAX, StepList } from "./steps";
import type { RunStore } from "../store";
import { VirtualList } from "../virtual-list";

const ROW = 28;
const ROW_NARROW = 48;
const LOAD_EARLIER_PIXELS = 600;
/** Steps to load at first; more pages are loaded until there are so many. */
const FIRST_STEPS = 100;

export interface Events {
  focus(): void;
  toggleFollow(): void;
}

export function mountEvents(host: HTMLElement, store: RunStore): Events {
  return new EventList(host, store);
}

class EventList implements Events {
  private steps: StepList;
  private readonly list: VirtualList;
  private readonly narrow = window.matchMedia("(max-width: 640px)");
  private following = true;
  private loading = false;
  private ready = false;
  /** Steps that arrived while the first ones were loading. */
  private pending: Step[] = [];
  private readonly tools: ParentNode;
  private readonly loadingState: LoadingState;

  constructor(
    private readonly host: HTMLElement,
    private readonly store: RunStore,
  ) {
    const sizer = one("[data-event-sizer]", host);
    if (!sizer) throw new Error("The page has no place for events.");
    this.tools = host.closest("main") ?? document;
    this.loadingState = new LoadingState(
      host.parentElement ?? host,
      gettext("The events could not be loaded"),
      () => void this.open(),
    );
    this.list = new VirtualList(host, sizer, { render: (index, row) => this.render(index, row) }, this.height);
    this.narrow.addEventListener("change", () => this.list.setRowHeight(this.height));
    this.steps = new StepList(store.chosen);
    const scrolled = throttled(50, () => {
      if (this.following !== this.list.atEnd && this.steps.size) this.follow(this.list.atEnd);
      if (host.scrollTop < LOAD_EARLIER_PIXELS) void this.loadEarlier();
    });
    // Only scrolling by the user changes whether new steps are followed.
    for (const name of ["wheel", "touchmove", "keydown", "pointerup"])
      host.addEventListener(name, () => window.setTimeout(scrolled, 60), { passive: true });
    host.addEventListener("click", (event) => {
      const node =
        event.target instanceof Element
          ? event.target.closest<HTMLElement>("[data-step-node]")?.dataset["stepNode"]
          : "";
      if (node) store.choose(node);
    });
    one("[data-event-follow]", this.tools)?.addEventListener("click", () => this.toggleFollow());
    one("[data-event-node]", this.tools)?.addEventListener("click", () =>
      this.showNode(this.steps.node ? "" : store.chosen),
    );
    store.listen((change) => {
      if (change.snapshot) void this.open();
      else if (change.steps.length) this.add(change.steps);
      if (change.chosen) this.showNode(store.chosen);
    });
    void this.open();
  }

  focus(): void {
    this.host.focus();
  }

  toggleFollow(): void {
    this.follow(!this.following);
  }

  private get height(): number {
    return this.narrow.matches ? ROW_NARROW : ROW;
  }

  private follow(on: boolean): void {
    this.following = on;
    setAttribute(one("[data-event-follow]", this.tools), "aria-pressed", String(on));
    if (on) this.list.toEnd();
  }

  private showNode(node: string): void {
    if (this.steps.node === node) return;
    this.steps = new StepList(node);
    this.following = true;
    void this.open();
  }

  /** Loads the newest steps, then adds those that arrived meanwhile. */
  private async open(): Promise<void> {
    const steps = (this.steps = new StepList(this.steps.node));
    this.ready = false;
    this.pending = [];
    this.updateNodeButton();

    this.loadingState.begin();
    try {
      do {
        const { steps: older, before } = await this.read(steps.nextBefore, steps.node);
        if (steps !== this.steps) return;
        steps.prepend(older, before);
      } while (!steps.complete && steps.size < FIRST_STEPS);
    } catch (error) {
      if (steps !== this.steps) return;
      this.loadingState.failed(error);
      this.loadingState.retryLater(error);
      return;
    }
    this.loadingState.done();
    steps.append(this.pending);
    this.pending = [];
    this.ready = true;
    this.list.reset(steps.size);
    if (this.following) this.list.toEnd();
    this.updateEmpty();
  }

  private async loadEarlier(): Promise<void> {
    const steps = this.steps;
    if (this.loading || !this.ready || steps.complete || steps.size >= STEPS_READ_MAX) return;
    this.loading = true;
    try {
      const { steps: older, before } = await this.read(steps.nextBefore, steps.node);
      if (steps !== this.steps) return;
      const top = this.host.scrollTop;
      const added = steps.prepend(older, before);
      this.list.reset(steps.size);
      this.host.scrollTop = top + added * this.height;
      this.list.draw();
    } catch {
      // Scrolling up again tries again.
    } finally {
      this.loading = false;
    }
  }

  private async read(below: number | null, node: string): Promise<ReturnType<typeof readSteps>> {
    const query = new URLSearchParams();
    if (below !== null) query.set("before", String(below));
    if (node) query.set("node", node);
    return readSteps((await call("GET", `${this.host.dataset["source"] ?? ""}?${query.toString()}`)).body);
  }

  private add(steps: readonly Step[]): void {
    if (!this.ready) {
      this.pending.push(...steps);
      return;
    }
    const { added, dropped } = this.steps.append(steps, !this.following);
    if (dropped) {
      const top = this.host.scrollTop;
      this.list.reset(this.steps.size);
      this.host.scrollTop = Math.max(0, top - dropped * this.height);
    } else if (added) this.list.setCount(this.steps.size);
    if (added && this.following && this.host.clientHeight > 0) this.list.toEnd();
    this.updateEmpty();
  }

  private updateNodeButton(): void {
    const button = one<HTMLButtonElement>("[data-event-node]", this.tools);
    const node = this.steps.node || this.store.chosen;
    setHidden(button, !node);
    setText(button, visible(this.store.nodes.get(node)?.name ?? node));
    setAttribute(button, "aria-pressed", String(Boolean(this.steps.node)));
    setAttribute(
      button,
      "title",
      this.steps.node ? gettext("Show events of all nodes") : gettext("Show events of this node"),
    );
  }

  private updateEmpty(): void {
    const empty = one("[data-event-empty]", this.host);
    setHidden(empty, !this.ready || this.steps.size > 0);
    setText(
      empty,
      this.steps.node ? gettext("No events for this node yet.") : gettext("No events yet. State changes appear here."),
    );
  }

  private render(index: number, row: HTMLElement | null): HTMLElement {
    const made =
      row ??
      element(
        "div",
        "step",
        element("span", "at"),
        element("span", "whose cut"),
        element("span", "way"),
        element("span", "about cut"),
      );
    const step = this.steps.at(index);
    if (!step) return made;
    const [at, who, way, about] = [...made.children];
    setText(at ?? null, clockTime(step.at));
    const name = step.node
      ? visible(this.store.nodes.get(step.node)?.name ?? step.node)
      : fill(gettext("Run {id}"), { id: this.store.id });
    setText(who ?? null, name);
    setAttribute(who ?? null, "title", name);
    setAttribute(made, "data-step-node", step.node);
    const { icon: picture, word } = stateLook(step.to);
    const to = element("span", `c st-${step.to} to`, icon(picture, true), word);
    way?.replaceChildren(
      ...(step.from ? [element("span", "faint", stateLook(step.from).word), element("span", "faint", " → ")] : []),
      to,
    );
    const text = visible(details(step));
    setText(about ?? null, text);
    setAttribute(about ?? null, "title", text);
    return made;
  }
}

function details(step: Step): string {
  const known =
    step.error && (step.to === "failed" || step.to === "timed_out" || step.to === "retrying")
      ? errorSummary(step.error)
      : reasonText(step.reason);
  const attempt = step.attempt > 1 ? fill(gettext("attempt {n}"), { n: step.attempt }) : "";
  return [attempt, known].filter(Boolean).join(" · ");
}
