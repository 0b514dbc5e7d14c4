/** Decides when a document is saved, and what each answer of the server means. Pure: events and times go in, the next
 * state and one effect come out.
 *
 * At most one request is in flight. Every save names the tag of the save it is based on. If an answer is lost, the server
 * may or may not have the document, so a stale tag is not yet a conflict: the server's document is loaded first. It is a
 * conflict only if that document is neither one that was sent, nor the last saved one, nor the one on the screen.
 */

/** The first edit after a pause is saved after FIRST_MS, later ones after QUIET_MS without an edit, but at most LATEST_MS
 * after the first. */
export const FIRST_MS = 30;
export const QUIET_MS = 400;
export const LATEST_MS = 900;
const RETRY_FIRST_MS = 1000;
const RETRY_LAST_MS = 12_000;
/** How often the session is checked while the user is signed out. */
const SESSION_CHECK_MS = 4000;
const DOUBTS_MAX = 12;

/** What the next save is based on, beside the document. */
export interface Ground {
  readonly tag: string;
  /** The version that the draft was started from. */
  readonly base: number | null;
  /** Whether the server has a draft; otherwise it shows the base version. */
  readonly drafted: boolean;
}

export type Failure =
  /** No answer, or a request to try later. `why` is the server's message. */
  | { readonly kind: "unreachable"; readonly why: string | null }
  | { readonly kind: "stale" }
  /** The patch does not apply: the whole document is sent. */
  | { readonly kind: "misfit"; readonly why: string }
  | { readonly kind: "signed_out" }
  /** The server rejected the document; another edit may fix it. */
  | { readonly kind: "refused"; readonly why: string };

type Trouble<D> =
  | { readonly kind: "offline"; readonly tries: number; readonly why: string | null }
  /** `kept`: mine is a restored local copy, so the common base is unknown. */
  | { readonly kind: "conflict"; readonly theirs: D; readonly ground: Ground; readonly kept: boolean }
  | { readonly kind: "signed_out"; readonly as: string | null }
  | { readonly kind: "refused"; readonly why: string };

export interface State<D> {
  /** The document on the screen. */
  readonly doc: D;
  /** The last document that the server is known to have. */
  readonly saved: D;
  readonly ground: Ground;
  /** The document in flight. */
  readonly sending: D | null;
  /** Documents that were sent without an answer: the server may have any of them. */
  readonly doubts: readonly D[];
  /** The server's document is being loaded. */
  readonly looking: boolean;
  /** The next save sends the whole document instead of a patch. */
  readonly whole: boolean;
  /** The document cannot be sent (its text is not JSON) until it is edited. */
  readonly blocked: boolean;
  readonly trouble: Trouble<D> | null;
  /** When the next request is due, in ms; null: none. */
  readonly due: number | null;
  /** Time of the first unsaved edit. */
  readonly since: number | null;
  /** Time of the last edit. */
  readonly editedAt: number;
  readonly savedAt: number | null;
}

export type Event<D> =
  | { readonly kind: "edited"; readonly doc: D; readonly blocked?: boolean }
  /** The time `due` has come. */
  | { readonly kind: "due" }
  /** Save without waiting: Ctrl S, back online, the page is closed. */
  | { readonly kind: "save_now" }
  | { readonly kind: "saved"; readonly tag: string }
  | { readonly kind: "failed"; readonly failure: Failure }
  /** The server's document was loaded. */
  | { readonly kind: "found"; readonly doc: D; readonly ground: Ground }
  /** The restored local copy is based on another save than the server's. */
  | { readonly kind: "clash"; readonly theirs: D; readonly ground: Ground }
  /** The server's document changed without a save: it was published, discarded or rebased. */
  | { readonly kind: "replaced"; readonly doc: D; readonly ground: Ground }
  /** Another tab saved the draft. */
  | { readonly kind: "saved_elsewhere"; readonly tag: string }
  /** The user resolved a conflict with the document on the screen. */
  | { readonly kind: "mine" }
  /** The user resolved a conflict with the other document, which is on the screen now. */
  | { readonly kind: "theirs"; readonly doc: D }
  /** `as`: null, the same user is signed in again; else the name of another user. */
  | { readonly kind: "signed_in"; readonly as: string | null };

/** The request to make next. Each ends in an event. */
export type Effect = "send" | "look" | "check_session" | null;

export interface Rules<D> {
  same(a: D, b: D): boolean;
  /** From 0 to 1: spreads the retries of many browsers after an outage. */
  random(): number;
}

export function initialState<D>(doc: D, ground: Ground, savedAt: number | null): State<D> {
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

/** Returns whether the server has the document on the screen. */
export const isSaved = <D>(state: State<D>): boolean =>
  state.doc === state.saved && state.sending === null && !state.doubts.length;

/** Adds a document without an answer. The first one is always kept, because it is the likeliest to have arrived: a server
 * that was killed received none after it. */
const doubted = <D>(doubts: readonly D[], doc: D | null): readonly D[] =>
  doc === null || doubts.includes(doc)
    ? doubts
    : [...doubts.slice(0, 1), ...doubts.slice(1).slice(-(DOUBTS_MAX - 2)), doc];

export function step<D>(state: State<D>, event: Event<D>, now: number, rules: Rules<D>): readonly [State<D>, Effect] {
  switch (event.kind) {
    case "edited": {
      if (event.doc === state.doc) return [state, null];
      const doc = event.doc;
      // An undo to the saved document leaves nothing to save, unless another one is in flight.
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
    case "save_now":
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
    case "replaced":
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
    case "saved_elsewhere":
      // The tag may be of this tab's own save. During a conflict, the newest other document is loaded.
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
        return [{ ...state, trouble: { kind: "signed_out", as: event.as }, due: now + SESSION_CHECK_MS }, null];
      return acted({ ...state, trouble: null });
  }
}

/** Returns the state with the time of its next save. */
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

function acted<D>(state: State<D>): readonly [State<D>, Effect] {
  if (state.sending !== null || state.looking) return [state, null];
  if (state.trouble?.kind === "conflict") return [{ ...state, due: null }, null];
  if (state.trouble?.kind === "signed_out") return [{ ...state, due: null }, "check_session"];
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
): readonly [State<D>, Effect] {
  // The conflict stays open. The user's choice is sent with the tag of the other document.
  if (state.trouble?.kind === "conflict") return [state, null];
  switch (failure.kind) {
    case "unreachable": {
      // Only a load failed and nothing is unsaved: the next save tries again.
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
      return [{ ...state, trouble: { kind: "signed_out", as: null }, due: now + SESSION_CHECK_MS }, null];
    case "refused":
      return [{ ...state, trouble: { kind: "refused", why: failure.why }, due: null }, null];
  }
}

function found<D>(
  state: State<D>,
  theirs: D,
  ground: Ground,
  now: number,
  rules: Rules<D>,
): readonly [State<D>, Effect] {
  const known = (saved: D): readonly [State<D>, Effect] => {
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
  // The server has a save of this tab whose answer was lost, or both documents are equal.
  const kept = state.trouble?.kind === "conflict" && state.trouble.kept;
  for (const mine of [state.doc, ...state.doubts, ...(kept ? [] : [state.saved])])
    if (rules.same(mine, theirs)) return known(mine);
  // No other tab saved: someone published, and this stays a draft of the version it was started from.
  if (!kept && ground.tag === state.ground.tag && !ground.drafted && !state.ground.drafted)
    return acted({ ...state, whole: true, trouble: null });
  return [{ ...state, trouble: { kind: "conflict", theirs, ground, kept }, due: null }, null];
}
