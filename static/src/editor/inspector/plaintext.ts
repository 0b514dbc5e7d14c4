/** Takes the place of the Markdown parser of the form's library, which asks it for one sentence: that a group's schema
 * is broken.
 */
export const Markdown = ({ children }: { children?: string }): string => children ?? "";
