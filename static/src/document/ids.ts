/** Ids that a document takes, made from names. Pure. */

const LENGTH_MAX = 63;
const ID = /^[a-z][a-z0-9_]{0,62}$/;

/** Words that no table may have as its name without quotes: an id like that would have to be quoted in every SQL. */
const RESERVED: ReadonlySet<string> = new Set(
  (
    "all analyse analyze and any array as asc asymmetric both case cast check collate column constraint create default deferrable desc describe distinct do else end " +
    "except false fetch for foreign from group having in initially intersect into lambda lateral leading limit not null offset on only or order pivot placing " +
    "primary qualify references returning select show some summarize symmetric table then to trailing true union unique unpivot using variadic when where window with"
  ).split(" "),
);

export const isReserved = (id: string): boolean => RESERVED.has(id);
export const isId = (id: string): boolean => ID.test(id);

/** The id that a name gives: "Delays by carrier" is delays_by_carrier. Empty when the name has no letter or digit for one. */
export function slug(name: string): string {
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

/** `wanted`, or with a number behind it where that is taken. */
export function unique(wanted: string, taken: { has(id: string): boolean }): string {
  if (!taken.has(wanted)) return wanted;
  // A number that stands there already is counted on: clean_2, not clean_2_2.
  const stem = wanted.replace(/_[0-9]{1,6}$/, "") || wanted;
  for (let number = 2; ; number += 1) {
    const end = `_${number}`;
    const id = `${stem.slice(0, LENGTH_MAX - end.length)}${end}`;
    if (!taken.has(id)) return id;
  }
}

/** `wanted`, or with a number behind it where a node has that name: "Clean", "Clean 2". */
export function uniqueName(wanted: string, taken: { has(name: string): boolean }): string {
  if (!taken.has(wanted)) return wanted;
  const stem = wanted.replace(/ [0-9]{1,6}$/, "") || wanted;
  for (let number = 2; ; number += 1) if (!taken.has(`${stem} ${number}`)) return `${stem} ${number}`;
}
