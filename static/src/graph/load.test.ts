// @vitest-environment happy-dom
import { afterEach, expect, it, vi } from "vitest";
import { loadGraph, GraphLoadError } from "./load";

afterEach(() => vi.unstubAllGlobals());

function server(...answers: readonly (Response | Error)[]): ReturnType<typeof vi.fn> {
  const left = [...answers];
  const asked = vi.fn(() => {
    const next = left.shift();
    return next instanceof Response ? Promise.resolve(next) : Promise.reject(next ?? new TypeError("asked too often"));
  });
  vi.stubGlobal("fetch", asked);
  return asked;
}
const GRAPH = JSON.stringify({ nodes: [["a", "A", "noop"]], edges: [], icons: {} });

it("is read once by all who ask", async () => {
  const asked = server(new Response(GRAPH));
  const [one, other] = await Promise.all([loadGraph("/one/"), loadGraph("/one/")]);
  expect(one.ids).toEqual(["a"]);
  expect(other).toBe(one);
  expect(await loadGraph("/one/")).toBe(one);
  expect(asked).toHaveBeenCalledTimes(1);
});

it("is asked for again when it could not be read, and says why it could not", async () => {
  server(
    new TypeError("offline"),
    new Response("", { status: 503 }),
    new Response("", { status: 404 }),
    new Response("[]"),
    new Response(GRAPH),
  );
  for (const why of ["offline", "went wrong", "deleted", "unreadable graph"]) {
    const failed = await loadGraph("/two/").catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(GraphLoadError);
    expect((failed as Error).message).toContain(why);
  }
  expect((await loadGraph("/two/")).size).toBe(1);
});
