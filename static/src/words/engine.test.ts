import { afterEach, describe, expect, it } from "vitest";
import { engineWords } from "./engine";

afterEach(() => {
  delete window.django;
});

describe("sentences of the engine", () => {
  const POOL = 'Waits for 1 slot of pool "a "b"": 1 of 1 are in use.';

  it("stay English without a catalogue", () => {
    expect(engineWords(POOL)).toBe(POOL);
  });

  it("are said with the values they came with", () => {
    window.django = {
      gettext: (text) =>
        text === 'Waits for 1 slot of pool "{pool}": {used} of {slots} are in use.' ? "{pool}: {used}/{slots}" : text,
    };
    expect(engineWords(POOL)).toBe('a "b": 1/1');
    expect(engineWords("something else")).toBe("something else");
  });
});
