/** The smallest single change that makes one text of another. Pure. */

export interface TextChange {
  readonly from: number;
  readonly to: number;
  readonly insert: string;
}

const isLow = (text: string, at: number): boolean => (text.charCodeAt(at) & 0xfc00) === 0xdc00;

/** Null: the texts are the same. No character of two code units is cut. */
export function smallestChange(before: string, after: string): TextChange | null {
  if (before === after) return null;
  const most = Math.min(before.length, after.length);
  let from = 0;
  while (from < most && before.charCodeAt(from) === after.charCodeAt(from)) from += 1;
  if (from && (isLow(before, from) || isLow(after, from))) from -= 1;
  let end = 0;
  while (end < most - from && before.charCodeAt(before.length - 1 - end) === after.charCodeAt(after.length - 1 - end))
    end += 1;
  if (end && (isLow(before, before.length - end) || isLow(after, after.length - end))) end -= 1;
  return { from, to: before.length - end, insert: after.slice(from, after.length - end) };
}
