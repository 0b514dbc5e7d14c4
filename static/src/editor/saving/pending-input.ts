/** Some fields (names, ids) write only when they lose the focus. Saving, running, publishing and closing the page must
 * write their text first.
 */

/** Writes the text of the focused field, and gives the focus back. */
export function commitPendingInput(): void {
  const field = document.activeElement;
  if (!(field instanceof HTMLInputElement) || !field.matches("[data-own-undo]")) return;
  const { selectionStart, selectionEnd } = field;
  field.blur();
  if (!field.isConnected || field.hidden) return;
  field.focus({ preventScroll: true });
  field.setSelectionRange(selectionStart, selectionEnd);
}
