/**
 * Asks for the page again every ten seconds, while it is looked at, and takes over the parts that
 * changed; a box switches that off. What somebody is at is left alone.
 */

import { getPage } from '../lib/api.js';
import { startWithin } from '../main.js';

const INTERVAL_MS = 10_000;
const LONGEST_MS = 120_000;
const KEPT = 'live-figures';

export function init(root) {
  const box = root.querySelector('[data-part="refresh"]');
  let wait = INTERVAL_MS;
  let timer = 0;

  const plan = () => {
    clearTimeout(timer);
    if (box.checked && !document.hidden) timer = setTimeout(look, wait);
  };
  async function look() {
    const page = await getPage(location.pathname + location.search);
    wait = page ? INTERVAL_MS : Math.min(wait * 2, LONGEST_MS);
    if (page) take(page);
    plan();
  }
  box.checked = sessionStorage.getItem(KEPT) !== 'off';
  box.addEventListener('change', () => {
    sessionStorage.setItem(KEPT, box.checked ? 'on' : 'off');
    wait = INTERVAL_MS;
    plan();
  });
  document.addEventListener('visibilitychange', plan);
  plan();
}

function take(page) {
  for (const part of document.querySelectorAll('[data-live]')) {
    const fresh = page.querySelector(`[data-live="${CSS.escape(part.dataset.live)}"]`);
    if (!fresh || part.contains(document.activeElement) || isSelected(part)) continue;
    if (part.isEqualNode(fresh)) continue;
    const scrolled = [...part.querySelectorAll('.table-wrap')].map((wrap) => wrap.scrollLeft);
    const adopted = document.adoptNode(fresh);
    part.replaceWith(adopted);
    startWithin(adopted);
    adopted.querySelectorAll('.table-wrap').forEach((wrap, number) => {
      wrap.scrollLeft = scrolled[number] ?? 0;
    });
  }
}

/** Words that somebody has marked, perhaps to copy them, must not go away. */
function isSelected(part) {
  const selection = getSelection();
  return selection !== null && !selection.isCollapsed && selection.containsNode(part, true);
}
