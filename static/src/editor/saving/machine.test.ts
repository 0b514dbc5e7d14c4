import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  initialState,
  type Event,
  isSaved,
  FIRST_MS,
  LATEST_MS,
  QUIET_MS,
  type State,
  step,
  type Effect,
} from "./machine";

interface Doc {
  readonly text: string;
}

const rules = { same: (a: Doc, b: Doc): boolean => a.text === b.text, random: () => 0.5 };
const doc = (text: string): Doc => ({ text });

/** A tab with a clock of its own. */
class Tab {
  now = 0;
  state: State<Doc>;
  wishes: Effect[] = [];
  constructor(start: Doc, tag = '"1"') {
    this.state = initialState(start, { tag, base: 1, drafted: true }, null);
  }
  on(event: Event<Doc>): Effect {
    const [state, effect] = step(this.state, event, this.now, rules);
    this.state = state;
    if (effect) this.wishes.push(effect);
    return effect;
  }
  edit(text: string): Doc {
    const made = doc(text);
    this.on({ kind: "edited", doc: made });
    return made;
  }
  /** The next thing that waits. */
  pass(): Effect {
    if (this.state.due === null) return null;
    this.now = this.state.due;
    return this.on({ kind: "due" });
  }
}

describe("when a draft is saved", () => {
  it("does so at once after a rest", () => {
    const tab = new Tab(doc("a"));
    tab.edit("b");
    expect(tab.state.due).toBe(FIRST_MS);
  });

  it("waits for a pause of who types, but never longer than a second", () => {
    const tab = new Tab(doc("a"));
    tab.edit("b");
    tab.now = 50;
    tab.edit("c");
    expect(tab.state.due).toBe(50 + QUIET_MS);
    for (tab.now = 100; tab.now < 2000 && tab.state.sending === null; tab.now += 100) {
      tab.edit(String(tab.now));
      if (tab.state.due !== null && tab.state.due <= tab.now) tab.on({ kind: "due" });
    }
    expect(tab.now - 100).toBeLessThanOrEqual(LATEST_MS);
    expect(tab.wishes).toEqual(["send"]);
  });

  it("has one request in flight, and sends what came meanwhile after its answer", () => {
    const tab = new Tab(doc("a"));
    tab.edit("b");
    expect(tab.pass()).toBe("send");
    tab.edit("c");
    expect(tab.on({ kind: "save_now" })).toBeNull();
    tab.on({ kind: "saved", tag: '"2"' });
    expect(tab.state.saved.text).toBe("b");
    expect(isSaved(tab.state)).toBe(false);
    expect(tab.pass()).toBe("send");
    expect(tab.state.ground.tag).toBe('"2"');
    tab.on({ kind: "saved", tag: '"3"' });
    expect(isSaved(tab.state)).toBe(true);
    expect(tab.state.due).toBeNull();
  });

  it("says nothing is left when an edit is taken back before it was sent", () => {
    const first = doc("a");
    const tab = new Tab(first);
    tab.edit("b");
    tab.on({ kind: "edited", doc: first });
    expect(isSaved(tab.state)).toBe(true);
    expect(tab.state.due).toBeNull();
  });

  it("keeps what cannot be sent for the next edit", () => {
    const tab = new Tab(doc("a"));
    tab.on({ kind: "edited", doc: doc("{"), blocked: true });
    expect(tab.state.due).toBeNull();
    expect(tab.on({ kind: "save_now" })).toBeNull();
    tab.edit("{}");
    expect(tab.pass()).toBe("send");
  });

  it("goes on after what could not be sent was repaired while the server was away", () => {
    const tab = new Tab(doc("a"));
    tab.edit("b");
    tab.pass();
    tab.on({ kind: "failed", failure: { kind: "unreachable", why: null } });
    tab.on({ kind: "edited", doc: doc("{"), blocked: true });
    expect(tab.pass()).toBeNull();
    tab.edit("{}");
    expect(tab.pass()).toBe("send");
  });

  it("tries again later and later, at once when told to hurry", () => {
    const tab = new Tab(doc("a"));
    tab.edit("b");
    const pauses: number[] = [];
    for (let n = 0; n < 7; n += 1) {
      expect(tab.pass()).toBe("send");
      tab.on({ kind: "failed", failure: { kind: "unreachable", why: null } });
      pauses.push((tab.state.due ?? 0) - tab.now);
    }
    expect(pauses).toEqual([1000, 2000, 4000, 8000, 12000, 12000, 12000]);
    expect(tab.on({ kind: "save_now" })).toBe("send");
    tab.on({ kind: "saved", tag: '"2"' });
    expect(tab.state.trouble).toBeNull();
  });
});

describe("a stale tag", () => {
  it("is one's own save when its answer was lost", () => {
    const tab = new Tab(doc("a"));
    tab.edit("b");
    tab.pass();
    tab.edit("c");
    tab.on({ kind: "failed", failure: { kind: "unreachable", why: null } });
    expect(tab.pass()).toBe("send");
    expect(tab.on({ kind: "failed", failure: { kind: "stale" } })).toBe("look");
    // The first one had arrived: what is on the screen is sent on top of it.
    expect(tab.on({ kind: "found", doc: doc("b"), ground: { tag: '"2"', base: 1, drafted: true } })).toBe("send");
    expect(tab.state.ground.tag).toBe('"2"');
  });

  it("is somebody else's save when the server holds what was never sent from here", () => {
    const tab = new Tab(doc("a"));
    const mine = tab.edit("b");
    tab.pass();
    tab.on({ kind: "failed", failure: { kind: "stale" } });
    expect(tab.on({ kind: "found", doc: doc("x"), ground: { tag: '"2"', base: 1, drafted: true } })).toBeNull();
    expect(tab.state.trouble?.kind).toBe("conflict");
    // Nothing is sent until somebody chose, whatever happens meanwhile.
    tab.edit("c");
    expect(tab.on({ kind: "save_now" })).toBeNull();
    expect(tab.state.due).toBeNull();
    tab.on({ kind: "edited", doc: mine });
    expect(tab.on({ kind: "mine" })).toBe("send");
    expect([tab.state.sending?.text, tab.state.saved.text, tab.state.ground.tag]).toEqual(["b", "x", '"2"']);
  });

  it("lets theirs be taken, and mine be saved over it when undo brings it back", () => {
    const tab = new Tab(doc("a"));
    const mine = tab.edit("b");
    tab.pass();
    tab.on({ kind: "failed", failure: { kind: "stale" } });
    tab.on({ kind: "found", doc: doc("x"), ground: { tag: '"2"', base: 1, drafted: true } });
    const theirs = tab.edit("x");
    tab.on({ kind: "theirs", doc: theirs });
    expect(isSaved(tab.state)).toBe(true);
    tab.on({ kind: "edited", doc: mine });
    expect(tab.pass()).toBe("send");
    expect(tab.state.ground.tag).toBe('"2"');
  });

  it("is asked about as it is by now when the other tab saves again", () => {
    const tab = new Tab(doc("a"));
    expect(tab.on({ kind: "saved_elsewhere", tag: '"2"' })).toBe("look");
    tab.on({ kind: "found", doc: doc("x"), ground: { tag: '"2"', base: 1, drafted: true } });
    expect(tab.on({ kind: "saved_elsewhere", tag: '"2"' })).toBeNull();
    expect(tab.on({ kind: "saved_elsewhere", tag: '"3"' })).toBe("look");
    tab.on({ kind: "failed", failure: { kind: "unreachable", why: null } });
    expect(tab.state.trouble?.kind).toBe("conflict");
    tab.on({ kind: "saved_elsewhere", tag: '"3"' });
    tab.on({ kind: "found", doc: doc("y"), ground: { tag: '"3"', base: 1, drafted: true } });
    expect(tab.state.trouble).toMatchObject({ theirs: { text: "y" }, ground: { tag: '"3"' } });
  });

  it("never saves what was kept over a server that is newer, only because it stays as it is", () => {
    const server = doc("theirs");
    const tab = new Tab(server, '"5"');
    tab.edit("kept");
    tab.on({ kind: "clash", theirs: server, ground: { tag: '"5"', base: 1, drafted: true } });
    expect(tab.on({ kind: "saved_elsewhere", tag: '"6"' })).toBe("look");
    expect(tab.on({ kind: "found", doc: doc("theirs"), ground: { tag: '"6"', base: 1, drafted: true } })).toBeNull();
    expect(tab.state.trouble).toMatchObject({ kind: "conflict", kept: true });
  });

  it("is no conflict when both say the same", () => {
    const tab = new Tab(doc("a"));
    tab.edit("b");
    tab.pass();
    tab.on({ kind: "failed", failure: { kind: "stale" } });
    tab.on({ kind: "found", doc: doc("b"), ground: { tag: '"2"', base: 1, drafted: true } });
    expect(isSaved(tab.state)).toBe(true);
  });

  it("is a version that others published when nothing was saved: the whole draft is sent, of the version it was started from", () => {
    const tab = new Tab(doc("v1"), '"0"');
    tab.state = initialState(tab.state.doc, { tag: '"0"', base: 1, drafted: false }, null);
    tab.edit("mine");
    tab.pass();
    tab.on({ kind: "failed", failure: { kind: "stale" } });
    expect(tab.on({ kind: "found", doc: doc("v2"), ground: { tag: '"0"', base: 2, drafted: false } })).toBe("send");
    expect([tab.state.whole, tab.state.ground.base]).toEqual([true, 1]);
  });
});

describe("other refusals", () => {
  it("sends the whole when a patch does not fit, once", () => {
    const tab = new Tab(doc("a"));
    tab.edit("b");
    tab.pass();
    expect(tab.on({ kind: "failed", failure: { kind: "misfit", why: "no" } })).toBe("send");
    expect(tab.state.whole).toBe(true);
    tab.on({ kind: "failed", failure: { kind: "misfit", why: "no" } });
    expect(tab.state.trouble).toEqual({ kind: "refused", why: "no" });
  });

  it("asks who is signed in until it is the same person again", () => {
    const tab = new Tab(doc("a"));
    tab.edit("b");
    tab.pass();
    tab.on({ kind: "failed", failure: { kind: "signed_out" } });
    expect(tab.pass()).toBe("check_session");
    tab.on({ kind: "signed_in", as: "bob" });
    tab.edit("c");
    expect(tab.pass()).toBe("check_session");
    expect(tab.on({ kind: "signed_in", as: null })).toBe("send");
    expect(tab.state.sending?.text).toBe("c");
  });
});

/** A server with two tabs of one person and a network that loses requests and answers. */
class World {
  held = doc("start");
  tag = 1;
  readonly tabs = [new Tab(this.held), new Tab(this.held)] as const;
  /** Each text that the server was ever given, and those that were written over knowingly. */
  readonly seen = ["start"];
  edits = 0;

  private run(tab: Tab, effect: Effect, fate: number): void {
    if (effect === "send") {
      const sent = tab.state.sending as Doc;
      const { tag } = tab.state.ground;
      if (fate === 0) return this.run(tab, tab.on({ kind: "failed", failure: { kind: "unreachable", why: null } }), 2);
      const fits = tag === `"${this.tag}"`;
      if (fits) {
        // What it builds on is what the server holds: nothing that this tab has not seen is written over.
        expect(tab.state.saved.text).toBe(this.held.text);
        this.held = doc(sent.text);
        this.tag += 1;
        this.seen.push(sent.text);
      }
      // The other tab of the browser may hear of it, before or after this one has its answer.
      const other = this.tabs[tab === this.tabs[0] ? 1 : 0];
      if (fits && fate > 2)
        this.run(other, other.on({ kind: "saved_elsewhere", tag: `"${this.tag}"` }), fate === 3 ? 0 : 2);
      if (fate === 1) return this.run(tab, tab.on({ kind: "failed", failure: { kind: "unreachable", why: null } }), 2);
      return this.run(
        tab,
        tab.on(fits ? { kind: "saved", tag: `"${this.tag}"` } : { kind: "failed", failure: { kind: "stale" } }),
        2,
      );
    }
    if (effect === "look") {
      if (fate === 0) return this.run(tab, tab.on({ kind: "failed", failure: { kind: "unreachable", why: null } }), 2);
      return this.run(
        tab,
        tab.on({ kind: "found", doc: doc(this.held.text), ground: { tag: `"${this.tag}"`, base: 1, drafted: true } }),
        2,
      );
    }
  }

  edit(which: number): void {
    this.tabs[which]?.edit(`${which}:${(this.edits += 1)}`);
  }
  pass(which: number, fate: number): void {
    const tab = this.tabs[which] as Tab;
    this.run(tab, tab.pass(), fate);
  }
  choose(which: number, mine: boolean): void {
    const tab = this.tabs[which] as Tab;
    if (tab.state.trouble?.kind !== "conflict") return;
    if (mine) this.run(tab, tab.on({ kind: "mine" }), 2);
    else {
      const theirs = tab.edit(tab.state.trouble.theirs.text);
      tab.on({ kind: "theirs", doc: theirs });
    }
  }
}

describe("whatever the network and another tab do", () => {
  const moves = fc.array(
    fc.record({
      what: fc.constantFrom("edit", "pass", "pass", "choose"),
      which: fc.nat(1),
      fate: fc.nat(4),
      mine: fc.boolean(),
    }),
    { maxLength: 60 },
  );

  it("writes over nothing unseen, and ends with everything saved", () => {
    fc.assert(
      fc.property(moves, (list) => {
        const world = new World();
        for (const { what, which, fate, mine } of list) {
          if (what === "edit") world.edit(which);
          else if (what === "pass") world.pass(which, fate);
          else world.choose(which, mine);
        }
        // The network is well again; whoever meets a conflict keeps what is on the screen.
        for (let n = 0; n < 12; n += 1)
          for (const which of [0, 1]) {
            world.pass(which, 2);
            world.choose(which, true);
          }
        for (const tab of world.tabs) {
          expect(isSaved(tab.state)).toBe(true);
          expect(world.seen).toContain(tab.state.doc.text);
        }
      }),
      { numRuns: 1500 },
    );
  });

  it("asks a lone author about nothing", () => {
    fc.assert(
      fc.property(moves, (list) => {
        const world = new World();
        for (const { what, fate } of list) {
          if (what === "edit") world.edit(0);
          else world.pass(0, fate);
          expect(world.tabs[0].state.trouble?.kind).not.toBe("conflict");
        }
      }),
      { numRuns: 1500 },
    );
  });
});
