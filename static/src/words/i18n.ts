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

const NUMBERS: ReadonlySet<string> = new Set(["n", "all", "used", "slots"]);
const patterns = new Map<string, RegExp>();

/** `text`, which was made from one of the English `templates`, in the reader's language; as it is when it was not. */
export function like(text: string, templates: readonly string[]): string {
  for (const template of templates) {
    const found = pattern(template).exec(text);
    if (found) return fill(gettext(template), found.groups ?? {});
  }
  return text;
}

function pattern(template: string): RegExp {
  let made = patterns.get(template);
  if (!made) {
    const parts = template.split(/\{(\w+)\}/).map((part, at) => {
      if (at % 2 === 0) return part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
      return `(?<${part}>${NUMBERS.has(part) ? "[0-9.,]+" : "[^]+"})`;
    });
    made = new RegExp(`^${parts.join("")}$`);
    patterns.set(template, made);
  }
  return made;
}
