/**
 * Goes to another lesson without leaving the page, so that full screen and the permission to play
 * stay: the parts marked data-swap are exchanged. Whatever is not a film is simply visited.
 */

import { getPage } from '../../lib/api.js';
import { readConfig } from './config.js';

let shownPath = location.pathname;

/** Turn the page and the player to the lesson at `href`. */
export async function turnTo(player, href) {
  const page = await getPage(href);
  const isFilm = page?.querySelector('[data-module~="player"] script[data-part="config"]');
  if (!isFilm) {
    location.assign(href);
    return;
  }
  const config = readConfig(page);
  swap(page);
  document.title = page.title;
  history.pushState(null, '', href);
  shownPath = location.pathname;
  await player.turnTo(config);
}

/** The address of an earlier lesson shows that lesson again. */
export function initNavigation() {
  window.addEventListener('popstate', () => {
    // Links within the page come here too.
    if (location.pathname !== shownPath) location.reload();
  });
}

function swap(page) {
  for (const region of document.querySelectorAll('[data-swap]')) {
    const fresh = page.querySelector(`[data-swap="${region.dataset.swap}"]`);
    region.replaceChildren(...[...(fresh?.childNodes ?? [])].map((node) => document.adoptNode(node)));
    for (const element of region.querySelectorAll('[data-module]')) startModules(element);
  }
}

async function startModules(element) {
  for (const name of element.dataset.module.split(/\s+/)) {
    const module = await import(`../${name}.js`);
    await module.init(element);
  }
}
