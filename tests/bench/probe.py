"""Scripts that record when the page shows something. They only read attributes of the page.

The canvas writes the number of the last event that it shows into its `data-drawn`, in the animation frame in which the
pixels change. All times are milliseconds of the machine's clock, which node processes use too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

CANVAS = "[data-canvas]"

FRAMES = """
(() => {
  const seen = (window.benchSeen = { drawn: [], messages: [], first: null });
  const Real = window.WebSocket;
  window.WebSocket = class extends Real {
    constructor(...given) {
      super(...given);
      // Kept as they came: to parse them here would be part of what is measured.
      this.addEventListener("message", (event) => seen.messages.push([Date.now(), event.data]));
    }
  };
  const watch = (canvas) => {
    const note = () => {
      const seq = Number(canvas.dataset.drawn);
      if (!(seq >= 0)) return;
      const row = [seq, Date.now(), 0];
      seen.drawn.push(row);
      seen.first ??= performance.now();
      // A task of its own runs when the frame was handed over to be shown.
      const after = new MessageChannel();
      after.port1.onmessage = () => {
        row[2] = Date.now();
        after.port1.close();
      };
      after.port2.postMessage(0);
    };
    new MutationObserver(note).observe(canvas, { attributes: true, attributeFilter: ["data-drawn"] });
    if (canvas.dataset.drawn) note();
  };
  new MutationObserver((changes, observer) => {
    const canvas = document.querySelector("[data-canvas]");
    if (!canvas) return;
    observer.disconnect();
    watch(canvas);
  }).observe(document, { childList: true, subtree: true });
})();
"""

RATE = """
(() => {
  const rate = (window.benchRate = { frames: [], on: false });
  const frame = (now) => {
    if (rate.on) rate.frames.push(now);
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
})();
"""


def drawn(seq: int = 0) -> str:
    """An expression that holds when the canvas shows the event `seq`."""
    return f'Number(document.querySelector("{CANVAS}")?.dataset.drawn ?? -1) >= {seq}'


REACTION = """
(() => {
  const shows = (selector, text) =>
    [...document.querySelectorAll(selector)].some(
      (one) => one.textContent.includes(text) && one.getClientRects().length,
    );
  const shown = (begun, selector, text) =>
    new Promise((resolve) => {
      const look = () => {
        if (!shows(selector, text)) return void requestAnimationFrame(look);
        const after = new MessageChannel();
        after.port1.onmessage = () => {
          after.port1.close();
          resolve(performance.now() - begun);
        };
        after.port2.postMessage(0);
      };
      requestAnimationFrame(look);
    });
  // From the next such event to the end of the first frame with an element that holds the text.
  window.benchReact = (type, selector, text) => {
    window.benchReaction = new Promise((resolve) =>
      addEventListener(type, (event) => resolve(shown(event.timeStamp, selector, text)), { capture: true, once: true }),
    );
  };
  // From the start of the navigation.
  window.benchOpened = (selector) => shown(0, selector, "");
})();
"""


def react(page: Page, event: str, selector: str, text: str) -> None:
    """Start to wait for `event`, and then for an element that shows `text`."""
    page.evaluate("(given) => window.benchReact(...given)", [event, selector, text])


def reaction(page: Page) -> float:
    """Return the milliseconds from the event to the end of the frame that shows it."""
    return float(page.evaluate("() => window.benchReaction"))
