/** The form at the Publish button. It publishes without leaving the page, so that the undo history stays. */

import type { JsonObject } from "../../json";
import { ApiError, call, errorText } from "../../api/client";
import { openDialog } from "../../behaviours/popover";
import { toast } from "../../behaviours/toast";
import { element, icon, one } from "../../dom";
import type { Doc } from "../../document/document";

import { fill, gettext } from "../../words/i18n";
import { takeOver } from "./draft-base";
import { asksInputs, startRun } from "../runs/draft-runs";
import type { Editing } from "../parts";
import type { Versions } from "./versions";

const TRIES_MAX = 3;

export function startPublishing(editing: Editing, versions: Versions, turned: () => void): void {
  const popover = one("#publish");
  if (!popover) return;
  popover.addEventListener("submit", (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || !form.matches("[data-publish-form]")) return;
    event.preventDefault();
    void publish(form);
  });
  popover.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest("button") : null;
    if (!button) return;
    if (button.matches("[data-show-problems]")) {
      popover.hidePopover();
      editing.drawer.show("problems");
    } else if (button.matches("[data-take-over], [data-rebase]")) {
      button.disabled = true;
      takeOver(editing, versions, button.matches("[data-take-over]")).then(
        (done) => {
          if (!done) popover.hidePopover();
          else {
            turned();
            reopen();
          }
        },
        (error: unknown) => {
          button.disabled = false;
          showError(error);
        },
      );
    }
  });

  /** Loads the form again. */
  function reopen(): void {
    const wasOpen = popover?.matches(":popover-open");
    popover?.hidePopover();
    if (wasOpen) popover?.showPopover();
  }

  function showError(error: unknown): void {
    const place = one("[data-publish-said]", popover ?? document);
    const text = errorText(error, gettext("You're offline. Nothing was published."));
    if (!place) {
      popover?.append(element("p", "wrong", text));
      return;
    }
    place.textContent = text;
    place.hidden = false;
  }

  async function publish(form: HTMLFormElement): Promise<void> {
    const button = one<HTMLButtonElement>("button.primary", form);
    if (!button || button.disabled) return;
    button.disabled = true;
    button.classList.add("busy");
    const fields = new FormData(form);
    const message = fields.get("message");
    try {
      const { body, doc, tag } = await sent(typeof message === "string" ? message : "", fields.get("live") !== null);
      const number = Number(body["number"]);
      editing.saving.grounded(doc, { tag, base: number, drafted: false });
      versions.put(number, doc);
      versions.newest = number;
      if (body["created"] === true) versions.start = number;
      versions.live = typeof body["newest_live"] === "number" ? body["newest_live"] : null;
      turned();
      published(doc, number, body["live"] === true);
    } catch (error) {
      button.disabled = false;
      button.classList.remove("busy");
      // There are problems or a newer version: the reloaded form shows them.
      if (error instanceof ApiError && (error.code === "invalid_document" || error.code === "outdated_base_version")) {
        await versions.look().then(
          (news) => news && turned(),
          () => undefined,
        );
        reopen();
      } else showError(error);
    }
  }

  /** Publishes the draft after saving it. Edits that are saved before the request arrives are published, too. */
  async function sent(message: string, live: boolean): Promise<{ body: JsonObject; doc: Doc; tag: string }> {
    for (let tries = 1; ; tries += 1) {
      await editing.saving.settle();
      const doc = editing.store.doc;
      const { tag } = editing.saving.ground;
      try {
        const { body } = await call("POST", `${editing.facts.address}edit/publish/`, {
          message,
          live,
          saves: Number(tag.replaceAll('"', "")),
        });
        return { body, doc, tag };
      } catch (error) {
        if (
          !(error instanceof ApiError && error.status === 412 && editing.saving.ground.tag !== tag) ||
          tries >= TRIES_MAX
        )
          throw error;
      }
    }
  }

  /** Shows what was published, and offers the next step. */
  function published(doc: Doc, number: number, live: boolean): void {
    const status = element(
      "p",
      "row",
      icon("ok"),
      element(
        "b",
        "b",
        fill(live ? gettext("v{n} is published and live.") : gettext("v{n} is published. It is not live yet."), {
          n: number,
        }),
      ),
    );
    status.setAttribute("role", "status");
    status.classList.add("st-succeeded");
    const close = element("button", "btn", gettext("Keep editing"));
    close.type = "button";
    close.dataset["close"] = "";
    const address = `${editing.facts.address}run/${live ? "" : `?version=${number}`}`;
    const run = element("a", "btn primary", icon("play", true), gettext("Run it now"));
    run.href = address;
    run.dataset["runPublished"] = "";
    run.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      if (asksInputs(doc)) {
        popover?.hidePopover();
        void openDialog(address);
      } else if (!run.classList.contains("busy")) {
        run.classList.add("busy");
        const asked = new URLSearchParams([["follow", "1"], ...(live ? [] : [["version", String(number)]])]);
        startRun(`${editing.facts.address}run/`, asked).then(
          (id) => location.assign(`/runs/${encodeURIComponent(id)}/`),
          (error: unknown) => {
            run.classList.remove("busy");
            toast(errorText(error), "error");
          },
        );
      }
    });
    popover?.replaceChildren(element("div", "publish", status, element("div", "row end", close, run)));
    run.focus();
  }
}
