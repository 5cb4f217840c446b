/** Puts in a part of another page, which takes a while to make, in place of the link that leads there. */

import { getPage } from '../lib/api.js';
import { startWithin } from '../main.js';

export async function init(root) {
  const link = root.querySelector('a');
  root.setAttribute('aria-busy', 'true');
  const page = await getPage(link.href);
  root.removeAttribute('aria-busy');
  const part = page?.querySelector(`[data-part="${CSS.escape(root.dataset.takes)}"]`);
  if (!part) return; // the link still leads there
  const adopted = document.adoptNode(part);
  root.replaceChildren(adopted);
  startWithin(adopted);
}
