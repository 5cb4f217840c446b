// Asks the worker for a file's fingerprint (at once) or its SHA-256 (as long as reading it takes).
const WORKER = new URL('hash-worker.js', import.meta.url).href;
let policy = null;

/** The file cannot be read: it was changed, moved or taken away since it was chosen. */
export class Unreadable extends Error {}

function address() {
  const { trustedTypes } = window;
  policy ??= trustedTypes?.createPolicy('uploads', { createScriptURL: () => WORKER });
  return policy ? policy.createScriptURL('') : WORKER;
}

function ask(what, file, { onProgress = () => {}, signal } = {}) {
  return new Promise((resolve, reject) => {
    const worker = new Worker(address(), { type: 'module' });
    const settle = (act) => {
      worker.terminate();
      signal?.removeEventListener('abort', stop);
      act();
    };
    const stop = () => settle(() => reject(new DOMException('Stopped.', 'AbortError')));
    worker.onmessage = ({ data }) => {
      if (data.value) settle(() => resolve(data.value));
      else if (data.error) settle(() => reject(new Unreadable(data.error)));
      else onProgress(data.done);
    };
    worker.onerror = (event) => settle(() => reject(new Error(event.message || 'The hashing worker did not start.')));
    signal?.addEventListener('abort', stop);
    worker.postMessage({ what, file });
  });
}

/** Return what the same file will be recognised by another day. Raises Unreadable. */
export function fingerprintOf(file) {
  return ask('fingerprint', file);
}

/** Return the SHA-256 of the whole file in hexadecimal. Raises Unreadable, AbortError. */
export function sha256Of(file, options) {
  return ask('sha256', file, options);
}
