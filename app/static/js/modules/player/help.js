/** The dialog that lists the keys, and the switch that limits them to the player. */

import { recall, remember } from './preferences.js';

/** Whether single keys work on the whole page, not only inside the player. */
export function worksEverywhere() {
  return recall('keys-everywhere', true);
}

export function openHelp(player) {
  const dialog = player.part('help-dialog');
  if (!dialog.open) dialog.showModal();
}

/** Wire the dialog. */
export function initHelp(player) {
  const dialog = player.part('help-dialog');
  const everywhere = player.part('keys-everywhere');
  everywhere.checked = worksEverywhere();
  everywhere.addEventListener('change', () => remember('keys-everywhere', everywhere.checked));
  player.part('help-close').addEventListener('click', () => dialog.close());
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog) dialog.close();
  });
}
