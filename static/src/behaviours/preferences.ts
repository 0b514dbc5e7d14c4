/** Preferences about a page, kept in this browser. Where storage is forbidden, pages use their defaults. */

/** Returns the stored value; empty: none is stored. */
export function readPreference(key: string): string {
  try {
    return localStorage.getItem(key) ?? "";
  } catch (error) {
    if (error instanceof DOMException) return "";
    throw error;
  }
}

export function savePreference(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
  }
}
