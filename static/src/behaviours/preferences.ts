/** Small choices of a person about the page, kept in this browser. */

// Storage may be forbidden: then the page is as it usually is.
export function remembered(key: string): string {
  try {
    return localStorage.getItem(key) ?? "";
  } catch (error) {
    if (error instanceof DOMException) return "";
    throw error;
  }
}

export function remember(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
  }
}
