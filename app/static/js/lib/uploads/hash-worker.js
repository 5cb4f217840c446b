// Hashes a file beside the page, a few megabytes at a time, so that neither the page nor memory
// notices how large it is.
import { sha256 } from '../../../vendor/noble-hashes/sha2.js';

const CHUNK = 4 * 1024 * 1024;

function hex(bytes) {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

async function digest(file) {
  const hash = sha256.create();
  for (let start = 0; start < file.size; start += CHUNK) {
    hash.update(new Uint8Array(await file.slice(start, start + CHUNK).arrayBuffer()));
    postMessage({ done: Math.min(start + CHUNK, file.size) });
  }
  return hex(hash.digest());
}

/** Name a file by its length and three samples of its bytes: enough to know it again, at once. */
async function fingerprint(file) {
  const size = 1024 * 1024;
  const middle = Math.max(0, Math.floor(file.size / 2) - size / 2);
  const hash = sha256.create().update(new TextEncoder().encode(`${file.size}:`));
  for (const start of [0, middle, Math.max(0, file.size - size)]) {
    hash.update(new Uint8Array(await file.slice(start, start + size).arrayBuffer()));
  }
  return `s1-${hex(hash.digest())}`;
}

addEventListener('message', async ({ data }) => {
  try {
    const read = data.what === 'fingerprint' ? fingerprint : digest;
    postMessage({ value: await read(data.file) });
  } catch (error) {
    postMessage({ error: String(error) });
  }
});
