/**
 * One stream on this page: its token, manifest and lease. A lease that lapsed is opened again
 * without a word; one that was ended tells why. Heartbeats live in heartbeat.js.
 */

import { ApiError, getText, postJson } from '../../lib/api.js';

const TAB_KEY = 'player.session';

/**
 * States: `none` (nothing open), `live`, `lapsed` (may be reopened), `ended` (somebody ended it).
 * Events: `opened`, `ended` ({reason, detail}).
 */
export class Session extends EventTarget {
  #opening = null;
  #lessonId;

  constructor(lessonId) {
    super();
    this.#lessonId = lessonId;
    this.state = 'none';
    this.id = null;
    this.details = null;
    this.manifest = null;
    this.reason = null;
  }

  get isLive() {
    return this.state === 'live';
  }

  /** Whether a stream is being opened at this moment. */
  get isOpening() {
    return this.#opening !== null;
  }

  /** Return the address of a resource of this session. */
  path(name) {
    return `/api/playback/sessions/${this.id}/${name}`;
  }

  /** Open a stream: token, then manifest. Asked twice at once, it opens one. Raises ApiError. */
  open(replaceSessionId = null) {
    this.#opening ??= this.#open(replaceSessionId).finally(() => {
      this.#opening = null;
    });
    return this.#opening;
  }

  /** The lease is gone but may be opened again. */
  lapse() {
    if (this.state === 'live') this.state = 'lapsed';
  }

  /** The server ended the stream. */
  end(reason, detail = '') {
    if (this.state === 'ended') return;
    this.state = 'ended';
    this.reason = reason;
    forgetTab();
    this.dispatchEvent(new CustomEvent('ended', { detail: { reason, detail } }));
  }

  /** Start over with another lesson. */
  retarget(lessonId) {
    this.#lessonId = lessonId;
    this.state = 'none';
    this.id = null;
    this.manifest = null;
  }

  async #open(replaceSessionId) {
    let replace = replaceSessionId;
    for (let attempt = 0; ; attempt += 1) {
      try {
        await this.#openOnce(replace);
        break;
      } catch (error) {
        const next = attempt < 2 ? this.#remedy(error) : undefined;
        if (next === undefined) throw error;
        replace = next ?? replace;
      }
    }
    this.state = 'live';
    this.reason = null;
    rememberTab(this.id);
    this.dispatchEvent(new Event('opened'));
  }

  async #openOnce(replaceSessionId) {
    const body = { lesson_id: this.#lessonId };
    if (replaceSessionId) body.replace_session_id = replaceSessionId;
    const details = await postJson('/api/playback/token', body);
    this.details = details;
    this.id = details.session_id;
    const address = new URL(details.manifest_url, document.baseURI);
    // The token travels in a header, so that it stays out of every log of addresses.
    const headers = { Authorization: `Bearer ${details.token}` };
    const text = await getText(address.pathname, { headers });
    this.manifest = { text, url: new URL(address.pathname, address).href, signedUrl: address.href };
  }

  /** Return the session to replace in one more try, null for a plain one, undefined for none. */
  #remedy(error) {
    if (!(error instanceof ApiError)) return undefined;
    if (error.code === 'TOKEN_EXPIRED') return this.id;
    if (error.code !== 'STREAM_LIMIT') return undefined;
    // A reload whose goodbye was lost must not lock its own tab out.
    const left = wasReloaded() ? recallTab() : null;
    const isListed = error.problem.sessions?.some((item) => item.id === left);
    if (!isListed) return undefined;
    forgetTab();
    return left;
  }
}

function wasReloaded() {
  return performance.getEntriesByType('navigation')[0]?.type === 'reload';
}

function recallTab() {
  try {
    return sessionStorage.getItem(TAB_KEY);
  } catch {
    return null;
  }
}

function rememberTab(id) {
  try {
    sessionStorage.setItem(TAB_KEY, id);
  } catch {
    // Without storage a lost goodbye costs one lease life, no more.
  }
}

function forgetTab() {
  try {
    sessionStorage.removeItem(TAB_KEY);
  } catch {
    // See rememberTab.
  }
}
