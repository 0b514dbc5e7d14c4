/** How the form's library follows references between schemas, in place of the parser of addresses it brings: the
 * browser's own. What is no address with a path (`urn:acme:part`) is told apart by its fragment alone.
 */

function resolve(base: string, reference: string): string {
  try {
    return new URL(reference, base).href;
  } catch {
    return reference.startsWith("#") ? base.replace(/#.*$/, "") + reference : reference;
  }
}

const equal = (one: string, other: string): boolean => resolve(one, "") === resolve(other, "") || one === other;

export default { resolve, equal };
