/** When a document is saved, and what an answer of the server means for it. Pure: times come in, wishes go out.
 *
 * One request is in flight at most. Every save names the tag of what it builds on. An answer that never came leaves a
 * doubt: the server may hold what was sent. So a stale tag is no conflict yet; first the server is asked what it holds,
 * and only what is neither the save that was sent, nor what this builds on, nor what is on the screen, is somebody else's.
 */

/** An edit after a rest (a node was moved) is saved almost at once. One of many (somebody types) waits for a pause, but not
 * longer than LATEST_MS. */
export const FIRST_MS = 30;
export const QUIET_MS = 400;
export const LATEST_MS = 900;
const RETRY_FIRST_MS = 1000;
const RETRY_LAST_MS = 12_000;
/** How often somebody who is signed out, or may not save any more, is asked about. */
const KNOCK_MS = 4000;
const DOUBTS_MAX = 12;

/** What the next save builds on, beside the document. */
export interface Ground {
  readonly tag: string;
  /** The version that the draft was started from. */
  readonly base: number | null;
  /** Whether a draft is saved; otherwise the server shows the base version. */
  readonly drafted: boolean;
}

export type Failure =
  /** No answer, or one that says "later". `why` is the server's own sentence. */
  | { readonly kind: "unreachable"; readonly why: string | null }
  | { readonly kind: "stale" }
  /** The patch fits no more: the whole document is sent. */
  | { readonly kind: "misfit"; readonly why: string }
  | { readonly kind: "signed_out" }
  /** It is refused as it is; another edit may repair that. */
  | { readonly kind: "refused"; readonly why: string };

export type Trouble<D> =
  | { readonly kind: "offline"; readonly tries: number; readonly why: string | null }
  /** `kept`: mine was never saved, and what it was made from is not known. */
  | { readonly kind: "conflict"; readonly theirs: D; readonly ground: Ground; readonly kept: boolean }
  | { readonly kind: "signed_out"; readonly as: string | null }
  | { readonly kind: "refused"; readonly why: string };

export interface State<D> {
  /** On the screen. */
  readonly doc: D;
  /** What the server holds, as far as it is known. */
  readonly saved: D;
  readonly ground: Ground;
  /** The document that was sent and is not answered yet. */
  readonly sending: D | null;
  /** Documents that were sent and never answered: the server may hold one of them. */
  readonly doubts: readonly D[];
  /** The server is being asked what it holds. */
  readonly looking: boolean;
  /** The next save is the whole document. */
  readonly whole: boolean;
  /** The document cannot be sent as it is (text that is no JSON): it waits for the next edit. */
  readonly blocked: boolean;
  readonly trouble: Trouble<D> | null;
  /** When the next thing is done, in ms; null: nothing waits. */
  readonly due: number | null;
  /** When the first edit came that is not saved. */
  readonly since: number | null;
  /** When the last edit came. */
  readonly editedAt: number;
  readonly savedAt: number | null;
}

export type Event<D> =
  | { readonly kind: "edited"; readonly doc: D; readonly blocked?: boolean }
  /** The time that was asked for has come. */
  | { readonly kind: "due" }
  /** Now, whatever was waited for: Ctrl S, the network is back, the page is left. */
  | { readonly kind: "hurry" }
  | { readonly kind: "saved"; readonly tag: string }
  | { readonly kind: "failed"; readonly failure: Failure }
  /** What the server holds. */
  | { readonly kind: "found"; readonly doc: D; readonly ground: Ground }
  /** What was kept builds on another save than the server has. */
  | { readonly kind: "clash"; readonly theirs: D; readonly ground: Ground }
  /** The server holds this document by another way than a save: it was published, discarded, put on another version. */
  | { readonly kind: "grounded"; readonly doc: D; readonly ground: Ground }
  /** Another tab says that it saved. */
  | { readonly kind: "told"; readonly tag: string }
  | { readonly kind: "mine" }
  /** `doc`: theirs, as it is on the screen now. */
  | { readonly kind: "theirs"; readonly doc: D }
  /** The same person is signed in again, or another one is. */
  | { readonly kind: "signed_in"; readonly as: string | null };

/** What is to be done; `send` and `look` are answered by an event each. */
export type Wish = "send" | "look" | "knock" | null;

export interface Rules<D> {
  same(a: D, b: D): boolean;
  /** From 0 to 1, so that browsers that lost one server do not all come back at once. */
  random(): number;
}

export function begun<D>(doc: D, ground: Ground, savedAt: number | null): State<D> {
  return {
    doc,
    saved: doc,
    ground,
    sending: null,
    doubts: [],
    looking: false,
    whole: false,
    blocked: false,
    trouble: null,
    due: null,
    since: null,
    editedAt: -Infinity,
    savedAt,
  };
}

/** Whether the server holds what is on the screen. */
export const isSaved = <D>(state: State<D>): boolean =>
  state.doc === state.saved && state.sending === null && !state.doubts.length;

/** The first save in doubt is the likeliest to have arrived: a server that was killed has answered none after it. */
const doubted = <D>(doubts: readonly D[], doc: D | null): readonly D[] =>
  doc === null || doubts.includes(doc)
    ? doubts
    : [...doubts.slice(0, 1), ...doubts.slice(1).slice(-(DOUBTS_MAX - 2)), doc];

export function step<D>(state: State<D>, event: Event<D>, now: number, rules: Rules<D>): readonly [State<D>, Wish] {
  switch (event.kind) {
    case "edited": {
      if (event.doc === state.doc) return [state, null];
      const doc = event.doc;
      // Taken back to what the server holds: nothing is left to save, unless another document is on its way there.
      const since = doc === state.saved && state.sending === null && !state.doubts.length ? null : (state.since ?? now);
      const trouble =
        state.trouble?.kind === "refused" || (since === null && state.trouble?.kind !== "conflict")
          ? null
          : state.trouble;
      const rested = now - state.editedAt >= QUIET_MS;
      return [
        waiting(
          { ...state, doc, since, trouble, editedAt: now, blocked: event.blocked ?? false },
          now,
          rested ? FIRST_MS : QUIET_MS,
        ),
        null,
      ];
    }
    case "due":
      return state.due !== null && now >= state.due ? acted(state) : [state, null];
    case "hurry":
      return acted(state);
    case "saved": {
      const saved = state.sending ?? state.saved;
      const rest = saved !== state.doc;
      const next = {
        ...state,
        saved,
        sending: null,
        doubts: [],
        whole: false,
        trouble: null,
        ground: { ...state.ground, tag: event.tag, drafted: true },
        since: rest ? now : null,
        savedAt: now,
      };
      return [waiting(next, now), null];
    }
    case "failed":
      return failed({ ...state, sending: null, looking: false }, state.sending, event.failure, now, rules);
    case "found":
      return found({ ...state, looking: false }, event.doc, event.ground, now, rules);
    case "clash":
      return [
        { ...state, trouble: { kind: "conflict", theirs: event.theirs, ground: event.ground, kept: true }, due: null },
        null,
      ];
    case "grounded":
      return [
        waiting(
          {
            ...state,
            saved: event.doc,
            ground: event.ground,
            doubts: [],
            whole: false,
            since: event.doc === state.doc ? null : (state.since ?? now),
          },
          now,
        ),
        null,
      ];
    case "told":
      // The tag of a save of one's own comes back too. Whoever is asked which to keep is asked about the newest.
      if (
        state.sending !== null ||
        state.looking ||
        event.tag === (state.trouble?.kind === "conflict" ? state.trouble.ground : state.ground).tag
      )
        return [state, null];
      return state.trouble && state.trouble.kind !== "conflict"
        ? [state, null]
        : [{ ...state, looking: true, due: null }, "look"];
    case "mine": {
      if (state.trouble?.kind !== "conflict") return [state, null];
      const { theirs, ground } = state.trouble;
      return acted({ ...state, saved: theirs, ground, trouble: null, since: state.since ?? now });
    }
    case "theirs": {
      if (state.trouble?.kind !== "conflict") return [state, null];
      return [
        {
          ...state,
          doc: event.doc,
          saved: event.doc,
          ground: state.trouble.ground,
          trouble: null,
          doubts: [],
          since: null,
          due: null,
          blocked: false,
          savedAt: now,
        },
        null,
      ];
    }
    case "signed_in":
      if (event.as !== null)
        return [{ ...state, trouble: { kind: "signed_out", as: event.as }, due: now + KNOCK_MS }, null];
      return acted({ ...state, trouble: null });
  }
}

/** The state with the time of its next save. */
function waiting<D>(state: State<D>, now: number, pause = QUIET_MS): State<D> {
  if (state.sending !== null || state.looking) return { ...state, due: null };
  if (state.trouble)
    return state.trouble.kind === "offline" && state.due === null && !state.blocked
      ? { ...state, due: now + pause }
      : state;
  if (isSaved(state)) return { ...state, due: null, since: null };
  if (state.blocked) return { ...state, due: null };
  const since = state.since ?? now;
  return { ...state, since, due: Math.min(now + pause, Math.max(now, since + LATEST_MS)) };
}

function acted<D>(state: State<D>): readonly [State<D>, Wish] {
  if (state.sending !== null || state.looking) return [state, null];
  if (state.trouble?.kind === "conflict") return [{ ...state, due: null }, null];
  if (state.trouble?.kind === "signed_out") return [{ ...state, due: null }, "knock"];
  if (isSaved(state)) return [{ ...state, due: null, trouble: null }, null];
  if (state.blocked) return [{ ...state, due: null }, null];
  return [{ ...state, sending: state.doc, due: null }, "send"];
}

function failed<D>(
  state: State<D>,
  sent: D | null,
  failure: Failure,
  now: number,
  rules: Rules<D>,
): readonly [State<D>, Wish] {
  // The question stays; its answer is sent under the tag that it was asked with.
  if (state.trouble?.kind === "conflict") return [state, null];
  switch (failure.kind) {
    case "unreachable": {
      // Only asked, with nothing to save: the next save finds out.
      if (isSaved(state)) return [{ ...state, due: null }, null];
      const tries = (state.trouble?.kind === "offline" ? state.trouble.tries : 0) + 1;
      const pause =
        Math.min(RETRY_LAST_MS, RETRY_FIRST_MS * 2 ** Math.min(tries - 1, 6)) * (0.7 + 0.6 * rules.random());
      return [
        {
          ...state,
          doubts: doubted(state.doubts, sent),
          trouble: { kind: "offline", tries, why: failure.why },
          due: now + pause,
        },
        null,
      ];
    }
    case "stale":
      return [{ ...state, doubts: doubted(state.doubts, sent), looking: true, due: null }, "look"];
    case "misfit":
      if (state.whole) return [{ ...state, trouble: { kind: "refused", why: failure.why }, due: null }, null];
      return acted({ ...state, whole: true });
    case "signed_out":
      return [{ ...state, trouble: { kind: "signed_out", as: null }, due: now + KNOCK_MS }, null];
    case "refused":
      return [{ ...state, trouble: { kind: "refused", why: failure.why }, due: null }, null];
  }
}

function found<D>(state: State<D>, theirs: D, ground: Ground, now: number, rules: Rules<D>): readonly [State<D>, Wish] {
  const known = (saved: D): readonly [State<D>, Wish] => {
    const next = {
      ...state,
      saved,
      ground,
      trouble: null,
      doubts: [],
      since: saved === state.doc ? null : (state.since ?? now),
    };
    return saved === state.doc ? [{ ...next, savedAt: now, due: null }, null] : acted(next);
  };
  // One's own save of which the answer was lost; or there is nothing in which the two differ.
  const kept = state.trouble?.kind === "conflict" && state.trouble.kept;
  for (const mine of [state.doc, ...state.doubts, ...(kept ? [] : [state.saved])])
    if (rules.same(mine, theirs)) return known(mine);
  // Nothing was saved from elsewhere: others published, and this stays a draft of the version that it was started from.
  if (!kept && ground.tag === state.ground.tag && !ground.drafted && !state.ground.drafted)
    return acted({ ...state, whole: true, trouble: null });
  return [{ ...state, trouble: { kind: "conflict", theirs, ground, kept }, due: null }, null];
}
