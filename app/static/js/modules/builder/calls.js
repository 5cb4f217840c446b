// Buttons that call the API: [data-call] is the method, [data-url] the address, [data-body] JSON.
// What cannot be undone asks first, in the words of data-sure.
import { ApiError, remove, sendJson } from '../../lib/api.js';

/** Serve the buttons inside `root`; `dialog` asks, `done()` and `failed(words)` tell what came. */
export function startCalls(root, dialog, { done, failed }) {
  root.addEventListener('click', async (event) => {
    const button = event.target.closest('[data-call]');
    if (!button || button.getAttribute('aria-busy') === 'true') return;
    if (button.dataset.sure && !(await isSure(dialog, button))) return;
    button.setAttribute('aria-busy', 'true');
    try {
      await call(button.dataset);
      await done(button);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      failed(error.problem.errors?.[0]?.message ?? error.detail);
    } finally {
      button.removeAttribute('aria-busy');
    }
  });
}

function call({ call: method, url, body }) {
  if (method === 'DELETE') return remove(url);
  return sendJson(method, url, JSON.parse(body ?? '{}'));
}

function isSure(dialog, button) {
  dialog.querySelector('[data-part="question"]').textContent = button.dataset.sure;
  dialog.querySelector('[value="yes"]').textContent = button.textContent.trim();
  dialog.returnValue = '';
  dialog.showModal();
  return new Promise((resolve) => {
    const answer = () => resolve(dialog.returnValue === 'yes');
    dialog.addEventListener('close', answer, { once: true });
  });
}
