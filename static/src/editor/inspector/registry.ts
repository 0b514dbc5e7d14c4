/** What the form's library falls back to, in place of its own default registry (see vite.config.ts): only what our forms
 * can come to, and do not bring themselves. The library's would bring twenty widgets and a Markdown parser that no form of ours shows.
 */

import MultiSchemaField from "@rjsf/core/lib/components/fields/MultiSchemaField.js";
import ObjectField from "@rjsf/core/lib/components/fields/ObjectField.js";
import SchemaField from "@rjsf/core/lib/components/fields/SchemaField.js";
import { DEFAULT_ID_PREFIX, DEFAULT_ID_SEPARATOR, englishStringTranslator } from "@rjsf/utils";

const Nothing = (): null => null;

export default function getDefaultRegistry() {
  return {
    fields: { AnyOfField: MultiSchemaField, ObjectField, OneOfField: MultiSchemaField, SchemaField },
    templates: { ButtonTemplates: { SubmitButton: Nothing }, FieldErrorTemplate: Nothing, FieldHelpTemplate: Nothing },
    widgets: {},
    rootSchema: {},
    formContext: {},
    translateString: englishStringTranslator,
    globalFormOptions: {
      idPrefix: DEFAULT_ID_PREFIX,
      idSeparator: DEFAULT_ID_SEPARATOR,
      useFallbackUiForUnsupportedType: false,
    },
  };
}
