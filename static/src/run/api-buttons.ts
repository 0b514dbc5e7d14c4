/** Buttons that are calls of the API: sent once, their outcome shown in place, what goes wrong beside the button.
 *
 *   <button data-call-method="POST" data-call-path="/api/v1/runs/7/nodes/a/retry/" data-call-body='{"policy": …}'>
 *   <form data-call-form data-call-method=… data-call-path=…>     fields `policy.x` and `from` make the body
 *   <button data-stack-path="/api/v1/runs/7/nodes/a/stack/">      takes the live stacks
 *   <div data-outcome data-keep role="status">                     where outcomes are told
 *
 * Without scripts the same buttons send forms of the page.
 */

import { isObject, type Json, type JsonObject } from "../json";
import { ApiError, call } from "../api/client";
import { all, element, icon, one, setText } from "../dom";

import { fill, gettext, ngettext } from "../words/i18n";
import { count, RUN_ENDED, visible } from "../words/words";
import type { RunStore } from "./store";

const RECEIPT_MS = 15_000;
const STATES_WITHOUT_ATTEMPT: ReadonlySet<string> = new Set(["pending", "ready", "retrying", "waiting"]);

/** The body that a form's fields make; empty ones are left out. Numbers are numbers. */
export function bodyOf(form: FormData): JsonObject {
  const policy: JsonObject = {};
  const body: JsonObject = {};
  for (const [name, value] of form) {
    if (typeof value !== "string" || value.trim() === "") continue;
    if (name === "from") body["from"] = value;
    else if (name.startsWith("policy.")) policy[name.slice(7)] = Number.isNaN(Number(value)) ? value : Number(value);
  }
  if (Object.keys(policy).length) body["policy"] = policy;
  return body;
}

const NODE_COMMAND = /^\/api\/v1\/runs\/(\d+)\/nodes\/([a-z][a-z0-9_]*)\/(cancel|retry|skip)\/$/;
const RUN_COMMAND = /^\/api\/v1\/runs\/(\d+)\/(cancel|retry)\/$/;

function why(error: unknown): string {
  if (error instanceof ApiError) {
    const list = error.body["errors"];
    const first: Json | undefined = Array.isArray(list) ? list[0] : undefined;
    const more = isObject(first) && typeof first["message"] === "string" ? first["message"] : "";
    return more && more !== error.message ? `${error.message} ${more}` : error.message;
  }
  return error instanceof TypeError ? gettext("Offline: this did not reach the server.") : String(error);
}

export class Calls {
  /** What is on its way, by its button's key: a morph of the page must not make it possible to send it again. */
  private readonly sent = new Set<string>();

  constructor(
    private readonly store: RunStore,
    private readonly root: HTMLElement,
    /** Asks for the panel again; `stack`: with the newest stacks open. */
    private readonly refresh: (stack?: boolean) => void,
  ) {
    root.addEventListener("click", (event) => {
      const button =
        event.target instanceof Element
          ? event.target.closest<HTMLButtonElement>("button[data-call-path], button[data-stack-path]")
          : null;
      if (!button) return;
      event.preventDefault();
      if (button.dataset["stackPath"]) void this.takeStacks(button, button.dataset["stackPath"]);
      else void this.send(button, button.dataset, this.parsed(button.dataset["callBody"]));
    });
    root.addEventListener("submit", (event) => {
      const form = event.target;
      if (!(form instanceof HTMLFormElement) || !form.hasAttribute("data-call-form")) return;
      event.preventDefault();
      const button = event.submitter ?? one("button.primary, button.danger", form);
      if (button instanceof HTMLButtonElement) void this.send(button, form.dataset, bodyOf(new FormData(form)));
    });
  }

  /** After the page was brought up to date: what is on its way stays so. */
  mark(): void {
    for (const button of all<HTMLButtonElement>("[data-call-path], [data-stack-path]", this.root))
      this.show(button, this.sent.has(this.key(button)));
  }

  private parsed(text: string | undefined): Json | undefined {
    return text ? (JSON.parse(text) as Json) : undefined;
  }

  private key(part: HTMLElement): string {
    const { callMethod, callPath, callBody, stackPath } = part.dataset;
    return stackPath ? `GET ${stackPath}` : `${callMethod ?? ""} ${callPath ?? ""} ${callBody ?? ""}`;
  }

  private show(button: HTMLElement, busy: boolean): void {
    const target =
      button instanceof HTMLFormElement ? one<HTMLButtonElement>("button.primary, button.danger", button) : button;
    if (!target) return;
    target.classList.toggle("busy", busy);
    if (busy) target.setAttribute("aria-disabled", "true");
    else target.removeAttribute("aria-disabled");
  }

  private async send(button: HTMLButtonElement, data: DOMStringMap, body: Json | undefined): Promise<void> {
    const method = data["callMethod"] ?? "POST";
    const path = data["callPath"] ?? "";
    const keyed = button.hasAttribute("data-call-path")
      ? button
      : (button.closest<HTMLElement>("[data-call-path]") ?? button);
    const key = this.key(keyed);
    if (this.sent.has(key)) return;
    this.sent.add(key);
    this.show(keyed, true);
    this.wrong(button, "");
    const node = NODE_COMMAND.exec(path);
    const run = RUN_COMMAND.exec(path);
    const own = run?.[1] === this.store.id ? run[2] : "";
    const attempt = node && node[1] === this.store.id ? this.running(node[2] ?? "") : 0;
    try {
      await call(method, path, body ?? (method === "GET" ? undefined : {}));
      button.closest<HTMLElement>("[popover]")?.hidePopover();
      if (node && attempt) {
        this.tell(
          "busy",
          node[3] === "retry" ? gettext("Stopping it, then starting it again …") : gettext("Stopping it …"),
        );
        this.tell("done", await this.ended(node[2] ?? "", attempt));
      } else if (own === "cancel") void this.cancelled();
      else if (own) this.tellRun(this.done(method, path));
      else this.tell("done", this.done(method, path));
    } catch (error) {
      this.tell("", "");
      this.wrong(button, why(error));
    } finally {
      this.sent.delete(key);
      this.mark();
      this.refresh();
    }
  }

  /** Number of the node's running attempt; 0: none. */
  private running(node: string): number {
    const known = this.store.nodes.get(node);
    return known?.state === "running" ? known.attempt : 0;
  }

  /** Waits until the attempt is over; what its end says. */
  private async ended(node: string, attempt: number): Promise<string> {
    const over = (): boolean => {
      const known = this.store.nodes.get(node);
      return (
        !known ||
        known.attempt > attempt ||
        (known.state !== "running" && (known.finished_at !== null || STATES_WITHOUT_ATTEMPT.has(known.state)))
      );
    };
    await new Promise<void>((done) => {
      if (over()) {
        done();
        return;
      }
      const timer = window.setTimeout(finish, RECEIPT_MS);
      const stop = this.store.listen(() => {
        if (over()) finish();
      });
      function finish(): void {
        window.clearTimeout(timer);
        stop();
        done();
      }
    });
    const answer = await call(
      "GET",
      `/api/v1/runs/${this.store.id}/nodes/${node}/attempts/?before=${attempt + 1}&limit=1`,
    );
    const list = answer.body["results"];
    const newest: Json | undefined = Array.isArray(list) ? list[0] : undefined;
    const given = isObject(newest) ? newest["receipt"] : null;
    if (isObject(given)) return fill(gettext("Attempt {n} stopped."), { n: count(attempt) });
    return over() ? gettext("It had already finished.") : gettext("Still stopping. See Attempts for the result.");
  }

  /** Tells in the head how far the end of the run is, and at last what was ended. */
  private async cancelled(): Promise<void> {
    const { store } = this;
    const button = one<HTMLButtonElement>("[data-cancel]", this.root);
    if (button) {
      button.disabled = true;
      setText(one("span", button), gettext("Cancelling"));
    }
    await new Promise<void>((done) => {
      const look = (): void => {
        const running = store.run?.counts["running"] ?? 0;
        if (store.run && RUN_ENDED.has(store.run.state)) {
          stop();
          done();
        } else
          this.tellRun(
            running
              ? fill(ngettext("Stopping {n} running node …", "Stopping {n} running nodes …", running), {
                  n: count(running),
                })
              : gettext("Stopping …"),
          );
      };
      const stop = store.listen((change) => {
        if (change.run || change.snapshot) look();
      });
      look();
    });
    const response = await fetch(`/runs/${store.id}/summary/`, {
      headers: { Accept: "text/html" },
      credentials: "same-origin",
    });
    const said =
      new DOMParser()
        .parseFromString(await response.text(), "text/html")
        .querySelector("[data-receipt]")
        ?.textContent.trim() ?? "";
    this.tellRun(said);
  }

  private done(method: string, path: string): string {
    const node = NODE_COMMAND.exec(path);
    const run = RUN_COMMAND.exec(path);
    if (node?.[3] === "retry") return gettext("It starts again.");
    if (node?.[3] === "skip") return gettext("It counts as succeeded; the nodes after it go on.");
    if (node)
      return node[1] === this.store.id
        ? gettext("It does not start any more.")
        : fill(gettext("Node {node} of run {run} is being ended."), { node: node[2] ?? "", run: node[1] ?? "" });
    if (run?.[2] === "retry") return gettext("The failed nodes start again.");
    if (run) return fill(gettext("Run {run} is being ended."), { run: run[1] ?? "" });
    if (method === "PATCH" && path.startsWith("/api/v1/pools/"))
      return gettext("The pool has its new size; who waits for it starts now.");
    return gettext("Done.");
  }

  private async takeStacks(button: HTMLButtonElement, path: string): Promise<void> {
    const key = this.key(button);
    if (this.sent.has(key)) return;
    this.sent.add(key);
    this.show(button, true);
    this.wrong(button, "");
    try {
      await call("GET", path);
      this.refresh(true);
    } catch (error) {
      this.wrong(button, why(error));
    } finally {
      this.sent.delete(key);
      this.mark();
    }
  }

  /** Tells what came of a call, in the place that the panel has for it. */
  private tell(kind: "busy" | "done" | "", text: string): void {
    const place = one("[data-outcome]", this.root);
    if (!place) return;
    place.replaceChildren();
    if (text)
      place.append(
        element("p", `receipt ${kind}`, icon(kind === "busy" ? "run" : "ok", true), element("span", "", visible(text))),
      );
  }

  private tellRun(text: string): void {
    setText(one("[data-run-outcome]", this.root), text);
  }

  /** Says beside the button why its call was refused; empty: takes that away. */
  private wrong(button: HTMLElement, text: string): void {
    const row = button.closest<HTMLElement>("[data-acts], form, .row") ?? button;
    let place =
      row.nextElementSibling instanceof HTMLElement && row.nextElementSibling.hasAttribute("data-call-wrong")
        ? row.nextElementSibling
        : null;
    if (!text) {
      place?.remove();
      return;
    }
    if (!place) {
      place = element("p", "wrong");
      place.setAttribute("role", "alert");
      place.dataset["callWrong"] = "";
      place.dataset["keep"] = "";
      row.after(place);
    }
    setText(place, visible(text));
  }
}
