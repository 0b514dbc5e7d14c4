/** What stands in a field that writes it only when it is left: a name, an id. Saving, running, publishing and leaving the
 * page count it as written.
 */

export function takeTyped(): void {
  const field = document.activeElement;
  if (!(field instanceof HTMLInputElement) || !field.matches("[data-own-undo]")) return;
  const { selectionStart, selectionEnd } = field;
  field.blur();
  if (!field.isConnected || field.hidden) return;
  field.focus({ preventScroll: true });
  field.setSelectionRange(selectionStart, selectionEnd);
}
