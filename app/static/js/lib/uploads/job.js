// One file on its way: recognised, sent in parts, paused, resumed, tried again, completed.
// Fires `change` whenever something that can be seen has changed.
import { ApiError, getJson, postJson, putBytes, remove } from '../api.js';
import { fingerprintOf, sha256Of, Unreadable } from './hashing.js';
import { Pace } from './pace.js';

const API = '/api/admin/uploads';
const MAX_LANES = 3;
const QUICK_MS = 4000;
const SLOW_MS = 30_000;
const LONGEST_WAIT_MS = 30_000;
const TRIES_AT_STORAGE = 4;
const LIVE = new Set(['waiting', 'checking', 'sending', 'stalled', 'finishing']);

/** What ended an upload: `layer` is who refused, `problem` its own words. */
export class Refusal extends Error {
  constructor(code, layer, problem = {}) {
    super(problem.detail || code);
    Object.assign(this, { code, layer, problem });
  }
}

function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const end = (act) => {
      clearTimeout(timer);
      removeEventListener('online', go);
      signal.removeEventListener('abort', stop);
      act();
    };
    const go = () => end(resolve);
    const stop = () => end(() => reject(new DOMException('Stopped.', 'AbortError')));
    const timer = setTimeout(go, milliseconds);
    addEventListener('online', go);
    signal.addEventListener('abort', stop);
  });
}

export class Job extends EventTarget {
  state = 'waiting';
  failure = null;
  answer = null;
  hashedBytes = 0;
  resumedBytes = 0;
  retryAt = 0;
  #slots;
  #turns;
  #run = null;
  #upload = null;
  #parts = [];
  #inFlight = new Map();
  #digest = null;
  #life = new AbortController();
  #lanes = 1;
  #refreshedAt = -Infinity;
  #pace = new Pace();

  /** `anywhere` lets the file go on with an upload begun for another place. */
  constructor(file, { purpose, targetId = null, anywhere = false, slots, turns }) {
    super();
    Object.assign(this, { file, purpose, targetId, anywhere });
    this.#slots = slots;
    this.#turns = turns;
  }

  get isLive() {
    return LIVE.has(this.state);
  }

  get sentBytes() {
    const arrived = this.#parts.reduce((sum, part) => sum + (part.etag ? part.size_bytes : 0), 0);
    return [...this.#inFlight.values()].reduce((sum, bytes) => sum + bytes, arrived);
  }

  get bytesPerSecond() {
    return this.#pace.bytesPerSecond;
  }

  get secondsLeft() {
    return this.#pace.secondsFor(this.file.size - this.sentBytes);
  }

  get uploadId() {
    return this.#upload?.upload_id ?? null;
  }

  /** Send, or go on sending; nothing happens while that is under way. */
  async start() {
    if (this.isLive && this.#run) return;
    const run = new AbortController();
    this.#run = run;
    this.#to('waiting', { failure: null });
    try {
      await this.#turns.run(() => this.#carry(run), run.signal);
      this.#to('done');
    } catch (error) {
      if (this.#run !== run || error.name === 'AbortError') return;
      run.abort();
      this.#to('failed', { failure: error instanceof Refusal ? error : this.#refusalOf(error) });
    } finally {
      if (this.#run === run) this.#run = null;
    }
  }

  /** Stop sending; what has arrived stays. */
  pause() {
    if (!this.isLive || this.state === 'finishing') return;
    this.#stop('paused');
  }

  /** Give the file up; what has arrived is removed. */
  async cancel() {
    this.#stop('cancelled');
    this.#life.abort();
    if (this.#upload) await remove(`${API}/${this.#upload.upload_id}`).catch(() => {});
  }

  #stop(state) {
    const run = this.#run;
    this.#run = null;
    run?.abort();
    this.#inFlight.clear();
    this.#to(state);
  }

  async #carry(run) {
    const { signal } = run;
    this.#to('checking');
    if (!this.#upload) await this.#open(signal);
    else await this.#patiently(() => this.#refresh(signal), signal);
    this.resumedBytes = this.sentBytes;
    this.#hash();
    for (let round = 0; ; round += 1) {
      this.#to('sending');
      await this.#sendMissing(run);
      this.#to('finishing');
      if (await this.#finish(signal, round)) return;
    }
  }

  async #open(signal) {
    const fingerprint = await fingerprintOf(this.file);
    const known = await this.#patiently(
      () => getJson(`${API}?fingerprint=${encodeURIComponent(fingerprint)}`, { signal }), signal);
    const same = known.items.find((item) => item.size_bytes === this.file.size
      && (this.anywhere || (item.purpose === this.purpose && item.target_id === this.targetId)));
    if (same) {
      this.#upload = same;
      Object.assign(this, { purpose: same.purpose, targetId: same.target_id });
      await this.#patiently(() => this.#refresh(signal), signal);
      return;
    }
    const target = this.purpose === 'cover' ? 'course_id' : 'lesson_id';
    const body = {
      filename: this.file.name,
      size_bytes: this.file.size,
      content_type: this.file.type,
      purpose: this.purpose,
      fingerprint,
      ...(this.targetId ? { [target]: this.targetId } : {}),
    };
    this.#take(await this.#patiently(() => postJson(API, body, { signal }), signal));
  }

  #take(upload) {
    this.#upload = upload;
    const here = new URL(location.href);
    this.#parts = upload.parts.map((part) => {
      const address = new URL(part.url, here);
      // The same host under another scheme, behind a proxy: this page's own is the right one.
      if (address.host === here.host) return { ...part, url: address.pathname + address.search };
      return { ...part };
    });
  }

  async #refresh(signal) {
    this.#take(await getJson(`${API}/${this.#upload.upload_id}`, { signal }));
    this.#refreshedAt = performance.now();
    this.#changed();
  }

  #hash() {
    this.#digest ??= sha256Of(this.file, {
      signal: this.#life.signal,
      onProgress: (bytes) => {
        this.hashedBytes = bytes;
        if (this.state === 'finishing') this.#changed();
      },
    });
    this.#digest.catch(() => {}); // told where it is awaited
  }

  #sendMissing(run) {
    const pending = this.#parts.filter((part) => !part.etag);
    let active = 0;
    let failure = null;
    this.#pace.reset();
    return new Promise((resolve, reject) => {
      const next = () => {
        while (!failure && active < this.#lanes && pending.length) {
          active += 1;
          this.#sendPart(pending.shift(), run.signal).then(ended, (error) => {
            if (!failure) run.abort();
            failure ??= error;
            ended();
          });
        }
        if (active) return;
        if (failure) reject(failure);
        else resolve();
      };
      const ended = () => {
        active -= 1;
        next();
      };
      next();
    });
  }

  async #sendPart(part, signal) {
    const start = (part.number - 1) * this.#upload.part_size_bytes;
    const blob = this.file.slice(start, start + part.size_bytes);
    let refusals = 0;
    const put = async () => {
      const began = performance.now();
      const current = this.#parts[part.number - 1];
      const etag = await putBytes(current.url, blob, {
        signal,
        onProgress: (bytes) => this.#moved(part, Math.min(bytes, part.size_bytes)),
      });
      const took = performance.now() - began;
      if (took < QUICK_MS) this.#lanes = Math.min(MAX_LANES, this.#lanes + 1);
      if (took > SLOW_MS) this.#lanes = 1; // what a broken connection costs is one part
      return etag ?? 'untold';
    };
    for (;;) {
      try {
        const etag = await this.#patiently(() => this.#slots.run(put, signal), signal, true);
        this.#parts[part.number - 1].etag = etag;
        return;
      } catch (error) {
        // An address may have expired, or another tab sends the same part: fresh ones tell.
        refusals += 1;
        if (![400, 403, 404, 422].includes(error.status) || refusals > 2) throw error;
        if (performance.now() - this.#refreshedAt > 2000) {
          await this.#patiently(() => this.#refresh(signal), signal);
        }
        if (this.#parts[part.number - 1].etag) return;
      } finally {
        this.#inFlight.delete(part.number);
        this.#changed();
      }
    }
  }

  #moved(part, bytes) {
    this.#inFlight.set(part.number, bytes);
    this.#pace.note(this.sentBytes);
    if (this.state === 'stalled') this.state = 'sending'; // one lane waits, another moves
    this.#changed();
  }

  async #finish(signal, round) {
    const sha256 = await this.#digest;
    if (this.#parts.some((part) => part.etag === 'untold')) {
      await this.#patiently(() => this.#refresh(signal), signal);
      if (this.#parts.some((part) => !part.etag)) return false;
    }
    const parts = this.#parts.map(({ number, etag }) => ({ number, etag }));
    try {
      this.answer = await this.#patiently(
        () => postJson(`${API}/${this.#upload.upload_id}/complete`, { parts, sha256 }, { signal }), signal);
      return true;
    } catch (error) {
      const isAboutParts = error.problem?.errors?.some(({ field }) => field === 'parts');
      if (!isAboutParts || round > 1) throw error;
      await this.#patiently(() => this.#refresh(signal), signal);
      return false;
    }
  }

  /** Do `act` again and again while the network, the server or the storage is away. */
  async #patiently(act, signal, isStorage = false) {
    for (let tries = 1; ; tries += 1) {
      const before = this.state;
      try {
        return await act();
      } catch (error) {
        if (!(error instanceof ApiError) || !error.isTransient || error.status === 507) throw error;
        if (error.status === 0) await this.#requireReadable();
        if (isStorage && tries >= TRIES_AT_STORAGE) await this.#requireOpenStorage(error);
        const wait = Math.min(LONGEST_WAIT_MS, 1000 * 2 ** Math.min(tries - 1, 6)) * (0.75 + Math.random() / 2);
        const milliseconds = error.retryAfterSeconds ? error.retryAfterSeconds * 1000 : wait;
        this.retryAt = Date.now() + milliseconds;
        this.#to('stalled');
        await pause(milliseconds, signal);
        this.#to(before === 'stalled' ? 'sending' : before);
      }
    }
  }

  async #requireReadable() {
    try {
      await this.file.slice(0, 1).arrayBuffer();
    } catch {
      throw new Refusal('FILE_UNREADABLE', 'file');
    }
  }

  /** Tell a storage that refuses this site's browsers from a network that is away. */
  async #requireOpenStorage(error) {
    const isElsewhere = this.#parts.some((part) => /^https?:/.test(part.url));
    if (!isElsewhere || error.status !== 0) return;
    const isHere = await getJson(`${API}/limits`).then(() => true, () => false);
    if (isHere) throw new Refusal('STORAGE_UNREACHABLE', 'storage');
  }

  #refusalOf(error) {
    if (error instanceof Unreadable) return new Refusal('FILE_UNREADABLE', 'file');
    if (!(error instanceof ApiError)) return new Refusal('UNEXPECTED', 'browser', { detail: String(error.message) });
    if (error.status === 404) this.#upload = null; // it was removed: the next start begins anew
    const layer = error.problem.layer || { 413: 'proxy', 507: 'disk' }[error.status] || 'application';
    return new Refusal(error.code, layer, { ...error.problem, status: error.status });
  }

  #to(state, values = {}) {
    if (this.state === 'cancelled') return;
    Object.assign(this, values, { state });
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event('change'));
  }
}
