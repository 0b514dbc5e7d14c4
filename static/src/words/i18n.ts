/** Words from the same gettext catalogues as the pages: the script `catalogue.js` before this one brings them. */

interface DjangoCatalogue {
  gettext(message: string): string;
  ngettext(singular: string, plural: string, count: number): string;
}

declare global {
  interface Window {
    django?: Partial<DjangoCatalogue>;
  }
}

export function gettext(message: string): string {
  return window.django?.gettext?.(message) ?? message;
}

export function ngettext(singular: string, plural: string, count: number): string {
  return window.django?.ngettext?.(singular, plural, count) ?? (count === 1 ? singular : plural);
}

/** Puts values into the `{name}` places of a translated text. */
export function fill(text: string, values: Readonly<Record<string, string | number>>): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => (name in values ? String(values[name]) : whole));
}

/** Marks a template for the catalogues. */
export function gettext_noop(message: string): string {
  return message;
}
