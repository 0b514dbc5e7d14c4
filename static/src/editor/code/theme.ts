/** Classes of syntax highlighting. `code.css` colours them by the tokens of the theme, so light and dark need no remount. */

import { syntaxHighlighting } from "@codemirror/language";
import { tagHighlighter, tags } from "@lezer/highlight";

export const colours = syntaxHighlighting(
  tagHighlighter([
    {
      tag: [
        tags.keyword,
        tags.modifier,
        tags.controlKeyword,
        tags.operatorKeyword,
        tags.definitionKeyword,
        tags.moduleKeyword,
        tags.self,
      ],
      class: "tk-key",
    },
    { tag: [tags.string, tags.special(tags.string), tags.docString], class: "tk-text" },
    { tag: [tags.number, tags.bool, tags.null, tags.atom], class: "tk-value" },
    { tag: [tags.comment, tags.lineComment, tags.blockComment], class: "tk-note" },
    { tag: [tags.typeName, tags.className, tags.namespace], class: "tk-type" },
    { tag: [tags.definition(tags.function(tags.variableName)), tags.definition(tags.variableName)], class: "tk-name" },
    { tag: [tags.meta, tags.annotation], class: "tk-meta" },
  ]),
);
