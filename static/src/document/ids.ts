/** Ids of nodes, made from names. Pure. */

const LENGTH_MAX = 63;
const ID = /^[a-z][a-z0-9_]{0,62}$/;

/** Words that SQL would have to quote as the name of a table. */
const RESERVED: ReadonlySet<string> = new Set(
  (
    "all analyse analyze and any array as asc asymmetric both case cast check collate column constraint create default deferrable desc describe distinct do else end " +
    "except false fetch for foreign from group having in initially intersect into lambda lateral leading limit not null offset on only or order pivot placing " +
    "primary qualify references returning select show some summarize symmetric table then to trailing true union unique unpivot using variadic when where window with"
  ).split(" "),
);

export const isReserved = (id: string): boolean => RESERVED.has(id);
export const isId = (id: string): boolean => ID.test(id);

/** Makes an id from a name: "Delays by carrier" becomes delays_by_carrier; empty: the name has no ASCII letter or digit. */
export function idFromName(name: string): string {
  const words = name
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "_")
    .replace(/^_+|_+$/g, "");
  if (!words) return "";
  const led = /^[0-9]/.test(words) ? `n_${words}` : words;
  const cut = led.slice(0, LENGTH_MAX).replace(/_+$/, "");
  return RESERVED.has(cut) ? `${cut}_` : cut;
}

/** Returns the wanted id, with a number appended if it is taken. */
export function uniqueId(wanted: string, taken: { has(id: string): boolean }): string {
  if (!taken.has(wanted)) return wanted;
  // Count an existing number up: clean_2 becomes clean_3, not clean_2_2.
  const stem = wanted.replace(/_[0-9]{1,6}$/, "") || wanted;
  for (let number = 2; ; number += 1) {
    const end = `_${number}`;
    const id = `${stem.slice(0, LENGTH_MAX - end.length)}${end}`;
    if (!taken.has(id)) return id;
  }
}

/** Returns the wanted name, with a number appended if a node has it: "Clean", "Clean 2". */
export function uniqueName(wanted: string, taken: { has(name: string): boolean }): string {
  if (!taken.has(wanted)) return wanted;
  const stem = wanted.replace(/ [0-9]{1,6}$/, "") || wanted;
  for (let number = 2; ; number += 1) if (!taken.has(`${stem} ${number}`)) return `${stem} ${number}`;
}
