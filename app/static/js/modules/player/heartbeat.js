/**
 * Keeps a session alive and reports position and watched seconds: on a timer, on pause, seek and
 * hide, and with a last word when the page goes away.
 */

import { ApiError, postJson } from '../../lib/api.js';

const PAUSED_LIMIT_MS = 5 * 60 * 1000;
const SETTLE_MS = 400;
const MIN_RETRY_MS = 1000;

/**
 * Events: `pulse` (the server's answer), `reopened`, `refused` (why it was not), `unreachable` and
 * `reachable`.
 * `report()` gives position_seconds, rate, playing and watermark_hidden.
 */
export class Heartbeat extends EventTarget {
  #session;
  #watched;
  #report;
  #timer = 0;
  #soon = 0;
  #inFlight = null;
  #failures = 0;
  #pausedSince = 0;
  #lastAt = 0;

  constructor(session, watched, report) {
    super();
    this.#session = session;
    this.#watched = watched;
    this.#report = report;
    session.addEventListener('opened', () => this.#schedule());
    session.addEventListener('ended', () => this.stop());
  }

  get #intervalMs() {
    return (this.#session.details?.heartbeat_interval_seconds ?? 30) * 1000;
  }

  /** Follow a media element: beat when it pauses or jumps, rest when it is left paused. */
  follow(video) {
    this.#session.addEventListener('opened', () => {
      this.#pausedSince = video.paused ? Date.now() : 0;
    });
    video.addEventListener('pause', () => {
      this.#pausedSince = Date.now();
      this.settle();
    });
    video.addEventListener('seeked', () => this.settle());
    video.addEventListener('play', () => {
      const wasLong = this.#pausedSince && Date.now() - this.#pausedSince > this.#intervalMs;
      this.#pausedSince = 0;
      if (wasLong || this.#session.state === 'lapsed') this.beat();
      else if (!this.#timer) this.#schedule();
    });
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'hidden') this.#goodbye(false);
      else if (Date.now() - this.#lastAt > this.#intervalMs) this.beat();
    });
    window.addEventListener('online', () => this.#failures && this.beat());
  }

  /** Beat shortly; several reasons at once make one beat. */
  settle() {
    clearTimeout(this.#soon);
    this.#soon = setTimeout(() => this.beat(), SETTLE_MS);
  }

  /** Beat now, or join the beat under way. Resolves to whether the session is live afterwards. */
  beat() {
    this.#inFlight ??= this.#beat().finally(() => {
      this.#inFlight = null;
    });
    return this.#inFlight;
  }

  /** The page goes away: save everything and release the stream. */
  leave() {
    this.#goodbye(true);
    this.stop();
    this.#session.lapse();
  }

  /** Save, release the stream and wait for it: another lesson follows on this page. */
  async finish() {
    if (!this.#session.isLive) return;
    this.stop();
    const body = { ...this.#report(), watched: this.#watched.take(), ended: true };
    try {
      await postJson(this.#session.path('heartbeat'), body);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
    }
    this.#session.lapse();
  }

  /** Send nothing more until a session opens. */
  stop() {
    clearTimeout(this.#timer);
    clearTimeout(this.#soon);
    this.#timer = 0;
  }

  #schedule(delay = this.#intervalMs) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = 0;
      // A stream left paused gives its place to other devices; playing on reopens it.
      const isAbandoned = this.#pausedSince && Date.now() - this.#pausedSince > PAUSED_LIMIT_MS;
      if (!isAbandoned) this.beat();
    }, delay);
  }

  async #beat() {
    const session = this.#session;
    if (session.state === 'lapsed') return this.#reopen();
    if (!session.isLive || session.isOpening) return session.isLive;
    const id = session.id;
    const watched = this.#watched.take();
    try {
      const pulse = await postJson(session.path('heartbeat'), { ...this.#report(), watched });
      this.#recovered();
      this.dispatchEvent(new CustomEvent('pulse', { detail: pulse }));
      this.#schedule();
      return true;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#watched.restore(watched);
      // A refusal of the session that is being replaced says nothing about the new one.
      const isPast = session.id !== id || session.isOpening;
      return isPast ? session.isLive : this.#failed(error);
    }
  }

  async #failed(error) {
    const reason = error.problem?.reason;
    if (error.status === 410 && reason !== 'lapsed') return this.#over(reason, error.detail);
    if (error.status === 401) return this.#over('signed_out', error.detail);
    if (error.status === 403) return this.#over('enrollment_revoked', error.detail);
    if (error.status === 410 || error.status === 404) {
      this.#session.lapse();
      return this.#reopen();
    }
    return this.#unreachable(error);
  }

  #unreachable(error) {
    this.#failures += 1;
    const wait = Math.min(MIN_RETRY_MS * 2 ** (this.#failures - 1), this.#intervalMs);
    this.#schedule(Math.max(wait, (error.retryAfterSeconds ?? 0) * 1000));
    this.dispatchEvent(new CustomEvent('unreachable', { detail: error }));
    return false;
  }

  #over(reason, detail) {
    this.#session.end(reason ?? 'stopped', detail);
    return false;
  }

  async #reopen() {
    try {
      await this.#session.open();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      const isPassing = !error.status || error.status === 429 || error.status >= 500;
      if (isPassing) return this.#unreachable(error);
      this.dispatchEvent(new CustomEvent('refused', { detail: error }));
      return false;
    }
    this.#recovered();
    this.dispatchEvent(new Event('reopened'));
    return true;
  }

  #recovered() {
    this.#lastAt = Date.now();
    if (!this.#failures) return;
    this.#failures = 0;
    this.dispatchEvent(new Event('reachable'));
  }

  #goodbye(ended) {
    if (!this.#session.isLive) return;
    const watched = this.#watched.take();
    const body = JSON.stringify({ ...this.#report(), watched, ended });
    navigator.sendBeacon(
      this.#session.path('heartbeat'),
      new Blob([body], { type: 'application/json' }),
    );
    // A beacon is not answered: what it carried is reported again. The server keeps a union.
    if (!ended) this.#watched.restore(watched);
  }
}
