// What may be sent, known before the first byte: asked once a page, kept for some minutes.
import { getJson } from '../api.js';
import { Refusal } from './job.js';

const KEPT_MS = 5 * 60_000;
let asked = null;

/** Return the site's limits, or null when they cannot be had: the server checks again anyway. */
export async function limits() {
  if (!asked || Date.now() - asked.at > KEPT_MS) {
    asked = { at: Date.now(), answer: getJson('/api/admin/uploads/limits').catch(() => null) };
  }
  const answer = await asked.answer;
  if (!answer) asked = null;
  return answer;
}

/** Refuse a file that could not be used. Raises Refusal naming who would refuse it. */
export async function check(file, purpose) {
  const known = await limits();
  const own = known?.purposes[purpose];
  if (!file.size) throw new Refusal('FILE_EMPTY', 'file');
  if (!own) return;
  const suffix = /\.[^.]*$/.exec(file.name.toLowerCase())?.[0] ?? '';
  const isUntold = ['', 'application/octet-stream'].includes(file.type);
  if (!own.content_types.includes(file.type) && !(isUntold && own.suffixes.includes(suffix))) {
    throw new Refusal('WRONG_TYPE', 'type', { suffixes: own.suffixes });
  }
  if (file.size > own.max_bytes) throw new Refusal('TOO_LARGE', 'site limit', { limit_bytes: own.max_bytes });
  if (known.free_bytes !== null && file.size > known.free_bytes) {
    throw new Refusal('QUOTA_EXCEEDED', 'room', { free_bytes: known.free_bytes });
  }
}
