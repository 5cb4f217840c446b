// Exchanges the tree for the server's, without taking anything from who is using it: the focus,
// what is being typed, what is unfolded and how far it is scrolled stay.
import { getPage } from '../../lib/api.js';
import { swap } from './pane.js';

function keyOf(tree, element) {
  if (!element || !tree.root.contains(element)) return null;
  const item = tree.itemOf(element);
  const id = item ? tree.idOf(item) : null;
  const form = element.closest('[data-add]');
  if (form) return { add: form.dataset.add, name: element.name ?? null, value: element.value };
  return { id, move: element.dataset.move ?? null, href: element.getAttribute('href') };
}

function find(tree, key) {
  if (key.add) {
    const form = tree.root.querySelector(`[data-add="${key.add}"]`);
    const found = [...(form?.elements ?? [])].find(
      (each) => each.name === key.name && (each.type !== 'radio' || each.value === key.value),
    );
    return found ?? form?.closest('details').querySelector('summary');
  }
  const within = key.id ? tree.item(key.id)?.querySelector('[data-part="row"]') : tree.root;
  if (key.move) return within?.querySelector(`[data-move="${key.move}"]`);
  return key.href ? within?.querySelector(`[href="${key.href}"]`) : null;
}

function draftsIn(tree) {
  return [...tree.root.querySelectorAll('[data-add]')].map((form) => ({
    add: form.dataset.add,
    isOpen: form.closest('details').open,
    title: form.elements.title.value,
    kind: form.elements.kind?.value,
  }));
}

function putBack(tree, drafts) {
  for (const { add, isOpen, title, kind } of drafts) {
    const form = tree.root.querySelector(`[data-add="${add}"]`);
    if (!form) continue;
    form.closest('details').open = isOpen;
    form.elements.title.value = title;
    if (kind) form.elements.kind.value = kind;
  }
}

/** Show the tree that `page` holds. */
export function showTree(tree, page) {
  const key = keyOf(tree, document.activeElement);
  const drafts = draftsIn(tree);
  const top = tree.root.scrollTop;
  if (!swap(tree.root, page, 'tree')) return;
  putBack(tree, drafts);
  tree.root.scrollTop = top;
  tree.number();
  tree.mark(location.pathname);
  if (key) find(tree, key)?.focus({ preventScroll: true });
}

/** Fetch this page again; null when it cannot be had or is another one by now. */
export async function fetchPage() {
  const path = location.pathname;
  const page = await getPage(location.href);
  return page?.querySelector('[data-swap="tree"]') && path === location.pathname ? page : null;
}
