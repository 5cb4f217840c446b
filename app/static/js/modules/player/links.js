/**
 * Addresses as they must be asked for now: under the session that lives at this moment, and with
 * a media grant that is still good. So a renewal never interrupts what is playing.
 */

const SESSION_PATH = /(\/api\/playback\/sessions\/)[^/]+\//;
const MARGIN_MS = 10_000;

/** Rewrites the addresses hls.js asks for. */
export class Links {
  #session;
  #heartbeat;
  #grant = null;
  #isStale = false;

  constructor(session, heartbeat) {
    this.#session = session;
    this.#heartbeat = heartbeat;
    heartbeat.addEventListener('pulse', (event) => this.#accept(event.detail.grant));
    session.addEventListener('opened', () => {
      this.#grant = null;
      this.#isStale = false;
    });
  }

  /** A media address was refused: the next one waits for a fresh grant. */
  distrust() {
    this.#isStale = true;
  }

  /** Return `{url, withCredentials}` for an address of a playlist, key or segment. */
  async prepare(address) {
    const url = new URL(address, document.baseURI);
    if (url.origin === location.origin) {
      url.pathname = url.pathname.replace(SESSION_PATH, `$1${this.#session.id}/`);
      if (this.#isStale && url.pathname.startsWith('/media/')) await this.#refresh();
      return { url: url.href, withCredentials: false };
    }
    if (this.#isStale || !this.#isFresh()) await this.#refresh();
    if (this.#grant?.mode === 'query') url.search = this.#grant.query;
    return { url: url.href, withCredentials: this.#grant?.mode === 'cookie' };
  }

  #isFresh() {
    return this.#grant !== null && Date.now() < this.#grant.goodUntil;
  }

  async #refresh() {
    // A beat that fails leaves the old grant; the request is then refused and tried again.
    await this.#heartbeat.beat();
  }

  #accept(grant) {
    const life = grant.expires_in_seconds * 1000;
    this.#grant = { ...grant, goodUntil: Date.now() + life - Math.min(MARGIN_MS, life / 4) };
    this.#isStale = false;
  }
}
