import { beforeEach, describe, expect, it } from "vitest";
import { morph } from "./morph";

function build(html: string): HTMLElement {
  const parsed = new DOMParser().parseFromString(`<main>${html}</main>`, "text/html");
  const found = parsed.querySelector("main");
  if (!found) throw new Error("nothing parsed");
  return document.importNode(found, true);
}

let page: HTMLElement;
const show = (html: string): void => {
  page = build(html);
  document.body.replaceChildren(page);
};
const rows = (): string[] => [...page.querySelectorAll("li")].map((row) => row.textContent ?? "");

describe("bringing a part of the page up to date", () => {
  beforeEach(() => document.body.replaceChildren());

  it("keeps the elements of rows that stay, in any order", () => {
    show('<ul><li data-key="1">one</li><li data-key="2">two</li></ul>');
    const second = page.querySelectorAll("li")[1];
    morph(page, build('<ul><li data-key="3">three</li><li data-key="2">two!</li><li data-key="1">one</li></ul>'));
    expect(rows()).toEqual(["three", "two!", "one"]);
    expect(page.querySelectorAll("li")[1]).toBe(second);
  });
  it("removes what is gone and adds what is new", () => {
    show('<ul><li data-key="1">one</li><li data-key="2">two</li></ul>');
    morph(page, build('<ul><li data-key="2">two</li></ul><p>more</p>'));
    expect(rows()).toEqual(["two"]);
    expect(page.querySelector("p")?.textContent).toBe("more");
  });
  it("changes only attributes and texts that differ", () => {
    show('<a class="x" href="/a">text</a>');
    const link = page.querySelector("a");
    morph(page, build('<a class="y" title="t">text</a>'));
    expect(page.querySelector("a")).toBe(link);
    expect(link?.className).toBe("y");
    expect(link?.hasAttribute("href")).toBe(false);
  });
  it("leaves times that the browser has set in its own zone", () => {
    show('<time datetime="2026-01-01T00:00:00Z" data-form="day" data-full="1">today 09:00</time>');
    morph(page, build('<time datetime="2026-01-01T00:00:00Z" data-form="day">01 Jan 00:00</time>'));
    expect(page.querySelector("time")?.textContent).toBe("today 09:00");
  });
  it("takes nothing that is kept for an element of the server", () => {
    show('<section><p class="wrong" data-keep>It failed.</p></section>');
    const error = page.querySelector("p");
    morph(page, build("<section><p>Runs again.</p></section>"));
    expect([...page.querySelectorAll("p")].map((one) => one.textContent).sort()).toEqual(["It failed.", "Runs again."]);
    expect(error?.isConnected).toBe(true);
    morph(page, build("<section><p>Done.</p></section>"));
    expect([...page.querySelectorAll("p")].map((one) => one.textContent).sort()).toEqual(["Done.", "It failed."]);
  });
  it("leaves a field that somebody writes in", () => {
    show('<input value="old">');
    const field = page.querySelector("input");
    field?.focus();
    if (field) field.value = "typed";
    morph(page, build('<input value="new">'));
    expect(field?.value).toBe("typed");
    expect(field?.getAttribute("value")).toBe("old");
  });
  it("leaves open what somebody opened, and closed what they closed", () => {
    show(
      '<details data-key="a"><summary>a</summary></details><details data-key="b" open><summary>b</summary></details>',
    );
    const [first, second] = [...page.querySelectorAll("details")];
    if (first) first.open = true;
    if (second) second.open = false;
    morph(
      page,
      build(
        '<details data-key="a"><summary>a!</summary></details><details data-key="b" open><summary>b!</summary></details>',
      ),
    );
    expect([first?.open, second?.open]).toEqual([true, false]);
    expect(page.textContent).toBe("a!b!");
  });
  it("leaves a span that counts down to the browser", () => {
    show('<span data-until="2026-01-01T00:00:00Z">4 s</span>');
    morph(page, build('<span data-until="2026-01-01T00:00:00Z">5 s</span>'));
    expect(page.textContent).toBe("4 s");
  });
  it("leaves the focus where it is when only white space differs", () => {
    show('\n\n<p data-key="a">a</p>\n<nav data-key="b"><a href="/x">x</a></nav>\n<p data-key="c">c</p>');
    page.querySelector("a")?.focus();
    morph(page, build('<p data-key="a">a!</p>\n<nav data-key="b"><a href="/x">x!</a></nav><p data-key="c">c!</p>'));
    expect(document.activeElement).toBe(page.querySelector("a"));
    expect(page.textContent?.replace(/\s+/g, " ").trim()).toBe("a! x!c!");
    expect(page.querySelectorAll("p, nav").length).toBe(3);
  });
});
