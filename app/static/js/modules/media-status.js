/**
 * Keeps the state of videos current while any is under way: asks for the page again and takes over
 * the parts that changed, so that words and their translation stay the template's.
 */

import { getPage } from '../lib/api.js';
import { startWithin } from '../main.js';

const INTERVAL_MS = 3000;
const LONGEST_MS = 30_000;

export function init(root) {
  let wait = INTERVAL_MS;
  let timer = 0;

  const isUnderWay = () => document.querySelector('[data-under-way]') !== null;
  const plan = () => {
    clearTimeout(timer);
    if (isUnderWay() && !document.hidden) timer = setTimeout(look, wait);
  };
  async function look() {
    const page = await getPage(location.href);
    wait = page ? INTERVAL_MS : Math.min(wait * 2, LONGEST_MS);
    if (page) take(page, root);
    plan();
  }
  document.addEventListener('visibilitychange', plan);
  plan();
}

/** Replace what changed, except where somebody is at it. */
function take(page, root) {
  for (const part of document.querySelectorAll('[data-live]')) {
    const fresh = page.querySelector(`[data-live="${CSS.escape(part.dataset.live)}"]`);
    if (!fresh || part.contains(document.activeElement) || isSame(part, fresh)) continue;
    const said = part.querySelector('.tag')?.textContent.trim();
    const news = fresh.querySelector('.tag')?.textContent.trim();
    const adopted = document.adoptNode(fresh);
    part.replaceWith(adopted);
    startWithin(adopted);
    if (news && said !== news) say(root, adopted, news);
  }
}

function isSame(part, fresh) {
  return part.textContent === fresh.textContent && part.attributes.length === fresh.attributes.length;
}

/** Percentages change all the time; only another state is worth a word. */
function say(root, part, news) {
  const name = part.querySelector('th a')?.textContent ?? '';
  root.querySelector('[data-part="said"]').textContent = `${name} ${news}`.trim();
}
