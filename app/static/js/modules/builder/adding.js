// Adding sections and lessons where they will stand. The field stays open for the next one, so an
// outline can be typed down; nothing typed is lost when it cannot be sent.
import { ApiError, postJson } from '../../lib/api.js';
import { fill } from './tree.js';

/** Serve the forms [data-add] of the tree; `reload()` fetches the tree anew. */
export function startAdding(tree, { status, words, reload }) {
  const running = new Set();

  async function add(form, key) {
    const data = new FormData(form);
    const title = data.get('title').trim();
    const fault = form.querySelector('[data-part="fault"]');
    if (!title) return form.elements.title.focus();
    fault.hidden = true;
    status.show('saving');
    const body = form.dataset.section
      ? { section_id: form.dataset.section, title, kind: data.get('kind') }
      : { course_id: form.dataset.course, title };
    try {
      await postJson(form.dataset.url, body);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      fault.textContent = reason(error);
      fault.hidden = false;
      status.show('failed', { detail: words.notAdded });
      return form.elements.title.focus();
    }
    form.elements.title.value = '';
    await reload();
    status.show('saved');
    status.say(fill(words.added, { title }));
    field(key)?.focus();
  }

  function reason(error) {
    if (error.status === 0) return words.offlineAdd;
    return error.problem.errors?.[0]?.message ?? error.detail;
  }

  function field(key) {
    return tree.root.querySelector(`[data-add="${key}"] input[name="title"]`);
  }

  tree.root.addEventListener('submit', async (event) => {
    const form = event.target.closest('[data-add]');
    if (!form) return;
    event.preventDefault();
    const key = form.dataset.add;
    // A second press while the first is under way would add it twice.
    if (running.has(key)) return;
    running.add(key);
    await add(form, key).finally(() => running.delete(key));
  });

  // Not `toggle`: that also comes when a fresh tree is unfolded as the old one was.
  tree.root.addEventListener('click', (event) => {
    const box = event.target.closest('summary')?.parentElement;
    if (box?.dataset.part !== 'add' || box.open) return;
    requestAnimationFrame(() => box.querySelector('input[name="title"]').focus());
  });

  tree.root.addEventListener('keydown', (event) => {
    const box = event.target.closest('details[data-part="add"]');
    if (event.key !== 'Escape' || !box) return;
    box.open = false;
    box.querySelector('summary').focus();
  });
}
