/** Finds the smallest single change that turns one text into another. Pure. */

interface TextChange {
  readonly from: number;
  readonly to: number;
  readonly insert: string;
}

const isLowSurrogate = (text: string, at: number): boolean => (text.charCodeAt(at) & 0xfc00) === 0xdc00;

/** Returns the change, which splits no surrogate pair; null: the texts are equal. */
export function smallestChange(before: string, after: string): TextChange | null {
  if (before === after) return null;
  const most = Math.min(before.length, after.length);
  let from = 0;
  while (from < most && before.charCodeAt(from) === after.charCodeAt(from)) from += 1;
  if (from && (isLowSurrogate(before, from) || isLowSurrogate(after, from))) from -= 1;
  let end = 0;
  while (end < most - from && before.charCodeAt(before.length - 1 - end) === after.charCodeAt(after.length - 1 - end))
    end += 1;
  if (end && (isLowSurrogate(before, before.length - end) || isLowSurrogate(after, after.length - end))) end -= 1;
  return { from, to: before.length - end, insert: after.slice(from, after.length - end) };
}
