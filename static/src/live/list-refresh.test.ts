import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ListRefresh } from "./list-refresh";
import { Retries } from "./retries";

/** Answers the requests in any order; a number is a status, null: the server cannot be reached. */
let answers: ((answer: string | number | null) => Promise<void>)[];
let list: ListRefresh;
const shown = (): string => document.querySelector("#list")?.textContent ?? "";
const rows = (...keys: string[]): string =>
  `<div id="list" data-live-part data-hold><table><tbody>${keys
    .map((key) => `<tr data-key="${key}"><td>${key}</td></tr>`)
    .join("")}</tbody></table></div>`;
const send = (): void => list.refresh();

beforeEach(() => {
  vi.useFakeTimers();
  answers = [];
  vi.stubGlobal(
    "fetch",
    () =>
      new Promise<Response>((resolve, reject) => {
        answers.push(async (answer) => {
          if (answer === null) reject(new TypeError("Failed to fetch"));
          else resolve(typeof answer === "number" ? new Response("", { status: answer }) : new Response(answer));
          await vi.advanceTimersByTimeAsync(0);
        });
      }),
  );
  document.body.innerHTML = rows("1");
  list = new ListRefresh(new Retries(() => 0.5));
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
  document.body.replaceChildren();
});

describe("a list that is kept current", () => {
  it("never shows an older answer over a newer one", async () => {
    send();
    send();
    await answers[1]?.(rows("1", "2", "3"));
    await answers[0]?.(rows("1", "2"));
    expect(shown()).toBe("123");
  });
  it("shows each answer of a slow server, though the next request is sent already", async () => {
    send();
    send();
    await answers[0]?.(rows("1", "2"));
    expect(shown()).toBe("12");
  });
  it("is requested again when that failed, until the user is signed out", async () => {
    send();
    await answers[0]?.(null);
    await vi.advanceTimersByTimeAsync(500);
    await answers[1]?.(503);
    await vi.advanceTimersByTimeAsync(1000);
    await answers[2]?.(rows("1", "2"));
    expect(shown()).toBe("12");
    send();
    await answers[3]?.(401);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(answers).toHaveLength(4);
  });
  it("shows the new rows that were asked for, also when the first try failed", async () => {
    list.showNewRows();
    await answers[0]?.(null);
    await vi.advanceTimersByTimeAsync(500);
    await answers[1]?.(rows("0", "1"));
    expect(shown()).toBe("01");
    send();
    await answers[2]?.(rows("a", "0", "1"));
    expect(document.querySelectorAll("tr")).toHaveLength(2);
  });
});
