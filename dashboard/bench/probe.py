"""Scripts that note in the page what it shows when; they read what the page says of itself and change nothing.

The canvas writes the number of the last event that it shows into its `data-drawn`, in the animation frame in which
the pixels change. All times are milliseconds of the machine's clock, which node processes use too.
"""

from __future__ import annotations

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
