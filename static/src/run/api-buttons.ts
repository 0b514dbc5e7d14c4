/** Buttons that call the API. Each call is sent once; its outcome is shown in the panel, an error beside the button.
 *
 *   <button data-call-method="POST" data-call-path="/api/v1/runs/7/nodes/a/retry/" data-call-body='{"policy": …}'>
 *   <form data-call-form data-call-method=… data-call-path=…>     fields `policy.x`, `from` and `output` make the body
 *   <button data-stack-path="/api/v1/runs/7/nodes/a/stack/">      captures stack traces
 *   <div data-outcome data-keep role="status">                     shows outcomes
 *
 * Without scripts the same buttons submit forms of the page.
 */

import { isObject, type Json, type JsonObject } from "../json";
import { ApiError, call, errorText, loadHtml } from "../api/client";
import { all, element, icon, one, setText } from "../dom";

import { fill, gettext, ngettext } from "../words/i18n";
import { count, RUN_ENDED, visible } from "../words/words";
import { retries } from "../live/retries";
import type { RunStore } from "./store";

const END_TIMEOUT_MS = 15_000;
const STATES_WITHOUT_ATTEMPT: ReadonlySet<string> = new Set(["pending", "ready", "retrying", "waiting"]);

/** Returns the request body of a form; empty fields are left out, numeric ones become numbers. */
export function formBody(form: FormData): JsonObject {
  const policy: JsonObject = {};
  const body: JsonObject = {};
  for (const [name, value] of form) {
    if (typeof value !== "string" || value.trim() === "") continue;
    if (name === "from" || name === "output") body[name] = value;
    else if (name.startsWith("policy.")) policy[name.slice(7)] = Number.isNaN(Number(value)) ? value : Number(value);
  }
  if (Object.keys(policy).length) body["policy"] = policy;
  return body;
}

const NODE_COMMAND = /^\/api\/v1\/runs\/(\d+)\/nodes\/([a-z][a-z0-9_]*)\/(cancel|retry|skip)\/$/;
const RUN_COMMAND = /^\/api\/v1\/runs\/(\d+)\/(cancel|retry)\/$/;

function problemText(error: unknown): string {
  if (error instanceof ApiError) {
    const list = error.body["errors"];
    const first: Json | undefined = Array.isArray(list) ? list[0] : undefined;
    const more = isObject(first) && typeof first["message"] === "string" ? first["message"] : "";
    return more && more !== error.message ? `${error.message} ${more}` : error.message;
  }
  return errorText(error);
}

export class ApiButtons {
  /** Keys of the calls in progress: morphing the page must not make it possible to send them again. */
  private readonly pending = new Set<string>();

  constructor(
    private readonly store: RunStore,
    private readonly root: HTMLElement,
    /** Reloads the panel; `stack`: with the newest stack traces open. */
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
      else void this.send(button, button.dataset, this.parseBody(button.dataset["callBody"]));
    });
    root.addEventListener("submit", (event) => {
      const form = event.target;
      if (!(form instanceof HTMLFormElement) || !form.hasAttribute("data-call-form")) return;
      event.preventDefault();
      const button = event.submitter ?? one("button.primary, button.danger", form);
      if (button instanceof HTMLButtonElement) void this.send(button, form.dataset, formBody(new FormData(form)));
    });
  }

  /** Shows calls in progress again, after the page was morphed. */
  restoreBusy(): void {
    for (const button of all<HTMLButtonElement>("[data-call-path], [data-stack-path]", this.root))
      this.showBusy(button, this.pending.has(this.key(button)));
  }

  private parseBody(text: string | undefined): Json | undefined {
    return text ? (JSON.parse(text) as Json) : undefined;
  }

  private key(part: HTMLElement): string {
    const { callMethod, callPath, callBody, stackPath } = part.dataset;
    return stackPath ? `GET ${stackPath}` : `${callMethod ?? ""} ${callPath ?? ""} ${callBody ?? ""}`;
  }

  private showBusy(button: HTMLElement, busy: boolean): void {
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
    if (this.pending.has(key)) return;
    this.pending.add(key);
    this.showBusy(keyed, true);
    this.showError(button, "");
    const node = NODE_COMMAND.exec(path);
    const run = RUN_COMMAND.exec(path);
    const own = run?.[1] === this.store.id ? run[2] : "";
    const attempt = node && node[1] === this.store.id ? this.runningAttempt(node[2] ?? "") : 0;
    try {
      await call(method, path, body ?? (method === "GET" ? undefined : {}));
      button.closest<HTMLElement>("[popover]")?.hidePopover();
      if (node && attempt) {
        this.showOutcome(
          "busy",
          node[3] === "retry" ? gettext("Stopping it, then starting it again …") : gettext("Stopping it …"),
        );
        this.showOutcome("done", await this.waitForEnd(node[2] ?? "", attempt));
      } else if (own === "cancel") void this.followCancellation();
      else if (own) this.showRunOutcome(this.successText(method, path));
      else this.showOutcome("done", this.successText(method, path));
    } catch (error) {
      this.showOutcome("", "");
      this.showError(button, problemText(error));
    } finally {
      this.pending.delete(key);
      this.restoreBusy();
      this.refresh();
    }
  }

  /** Number of the node's running attempt; 0: none. */
  private runningAttempt(node: string): number {
    const known = this.store.nodes.get(node);
    return known?.state === "running" ? known.attempt : 0;
  }

  /** Waits until the attempt has ended; returns the text of the outcome. */
  private async waitForEnd(node: string, attempt: number): Promise<string> {
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
      const timer = window.setTimeout(finish, END_TIMEOUT_MS);
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

  /** Shows the progress of the cancellation in the head, and its outcome at the end. */
  private async followCancellation(): Promise<void> {
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
          this.showRunOutcome(
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
    const show = async (): Promise<void> => {
      try {
        const summary = new DOMParser().parseFromString(await loadHtml(`/runs/${store.id}/summary/`), "text/html");
        retries.answered(again);
        this.showRunOutcome(summary.querySelector("[data-receipt]")?.textContent.trim() ?? "");
      } catch (error) {
        // The run has ended: nothing is being stopped any more.
        this.showRunOutcome("");
        retries.failed(error, again);
      }
    };
    const again = (): void => void show();
    await show();
  }

  private successText(method: string, path: string): string {
    const node = NODE_COMMAND.exec(path);
    const run = RUN_COMMAND.exec(path);
    if (node?.[3] === "retry") return gettext("Restarting.");
    if (node?.[3] === "skip") return gettext("Skipped. Downstream nodes continue.");
    if (node)
      return node[1] === this.store.id
        ? gettext("Cancelled before it started.")
        : fill(gettext("Stopping node {node} of run {run}."), { node: node[2] ?? "", run: node[1] ?? "" });
    if (run?.[2] === "retry") return gettext("Restarting failed nodes.");
    if (run) return fill(gettext("Cancelling run {run}."), { run: run[1] ?? "" });
    if (method === "PATCH" && path.startsWith("/api/v1/pools/"))
      return gettext("Pool resized. Waiting nodes start now.");
    return gettext("Done.");
  }

  private async takeStacks(button: HTMLButtonElement, path: string): Promise<void> {
    const key = this.key(button);
    if (this.pending.has(key)) return;
    this.pending.add(key);
    this.showBusy(button, true);
    this.showError(button, "");
    try {
      await call("GET", path);
      this.refresh(true);
    } catch (error) {
      this.showError(button, problemText(error));
    } finally {
      this.pending.delete(key);
      this.restoreBusy();
    }
  }

  /** Shows the outcome of a call in the panel. */
  private showOutcome(kind: "busy" | "done" | "", text: string): void {
    const place = one("[data-outcome]", this.root);
    if (!place) return;
    place.replaceChildren();
    if (text)
      place.append(
        element("p", `receipt ${kind}`, icon(kind === "busy" ? "run" : "ok", true), element("span", "", visible(text))),
      );
  }

  private showRunOutcome(text: string): void {
    setText(one("[data-run-outcome]", this.root), text);
  }

  /** Shows an error beside the button; an empty text removes it. */
  private showError(button: HTMLElement, text: string): void {
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
