/** Says what a draft is based on, beside what is live. Pure. `_draft_of` in `dashboard/pages/editor.py` is the same on the
 * server. */

import { fill, gettext } from "../../words/i18n";

export interface Numbers {
  readonly live: number | null;
  /** The version that a new draft starts from. */
  readonly start: number | null;
}

/** Whether a new draft would start from another version, so that the user must choose before publishing. */
export const isOutdated = (base: number | null, { start }: Numbers): boolean => start !== null && base !== start;

export function baseText(base: number | null, numbers: Numbers): string {
  const { live, start } = numbers;
  const text = base === null ? gettext("First draft") : fill(gettext("Draft of v{n}"), { n: base });
  let beside = "";
  if (base !== null && live !== null && base !== live)
    beside = fill(base < live ? gettext("behind v{n} (live)") : gettext("ahead of v{n} (live)"), { n: live });
  else if (isOutdated(base, numbers)) beside = fill(gettext("v{n} is newer"), { n: start ?? 0 });
  return beside ? `${text} · ${beside}` : text;
}
