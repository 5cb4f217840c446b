/** Theatre: the picture takes the page's whole width and the outline goes below it. */

import { label } from './labels.js';
import { recall, remember } from './preferences.js';

/** Restore the choice of last time. */
export function initTheatre(player) {
  set(player, recall('theatre', false));
}

export function toggleTheatre(player) {
  const isOn = page(player)?.dataset.theatre !== 'true';
  remember('theatre', isOn);
  set(player, isOn);
}

function page({ root }) {
  return root.closest('.stage-grid');
}

function set(player, isOn) {
  const { strings } = player.config;
  const element = page(player);
  if (element) element.dataset.theatre = String(isOn);
  label(player.part('theatre'), isOn ? strings.leaveTheatre : strings.theatre, isOn);
}
