/** Translations from Django's gettext catalogues, which the page loads as `catalogue.js` before this script. */

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

/** Replaces `{name}` placeholders of a translated text by values. */
export function fill(text: string, values: Readonly<Record<string, string | number>>): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => (name in values ? String(values[name]) : whole));
}

/** Marks a text for the catalogue without translating it here. */
export function gettext_noop(message: string): string {
  return message;
}
