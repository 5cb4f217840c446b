/** What a button says: its label, its tooltip, and whether its mode is on. */

/** Give `button` the words, and the state where it has one (`true` or `false`). */
export function label(button, text, isOn = null) {
  button.setAttribute('aria-label', text);
  button.title = text;
  if (isOn !== null) button.dataset.on = String(isOn);
}
