/** Plays a session's manifest with hls.js. Loaded when first needed: the page is light before play. */

import { Cues } from './cues.js';
import { loadPolicies, playlistLoader } from './loading.js';
import { rungsOf } from './rungs.js';

const VENDOR = new URL('../../../vendor/hls.js/', import.meta.url);
const WORKER = new URL('hls.worker.js', VENDOR).href;
const REFUSALS = new Set([401, 403, 404, 410]);
const MEDIA_REPAIR_MS = 10_000;
// hls.js appends whole segments of 4 s: 25 s and one more stay below 30 s ahead.
const AHEAD_SECONDS = 25;

let library = null;
let tries = 0;

/** Fetch hls.js, once. A failed fetch may be tried again. */
export function loadLibrary() {
  const retryMark = tries ? `?try=${tries}` : '';
  library ??= import(new URL(`hls.module.min.js${retryMark}`, VENDOR).href).catch((error) => {
    tries += 1;
    library = null;
    throw error;
  });
  return library;
}

/** Trusted Types are enforced and hls.js passes a plain address: only its own worker may pass. */
function allowWorker() {
  const { trustedTypes } = window;
  if (!trustedTypes || trustedTypes.defaultPolicy) return;
  trustedTypes.createPolicy('default', {
    createScriptURL: (address) => (address === WORKER ? address : null),
  });
}

/**
 * Events: `levels`, `level`, `captions`, `cues`, `flow` (something arrived), `trouble` ({kind, status}): kind
 * is `refused` (ask the session), `network` (try again later), `media` (cannot be decoded).
 */
export class HlsEngine extends EventTarget {
  #Hls;
  #hls = null;
  #links;
  #session;
  #video;
  #cues;
  #rungs = [];
  #repairedAt = 0;
  #startAt = 0;

  constructor(Hls, video, session, links) {
    super();
    this.#Hls = Hls;
    this.#video = video;
    this.#session = session;
    this.#links = links;
    this.#cues = new Cues(video);
    this.isListening = false;
  }

  /** Whether hls.js works in this browser. */
  static async load(video, session, links) {
    const { default: Hls } = await loadLibrary();
    return Hls.isSupported() ? new HlsEngine(Hls, video, session, links) : null;
  }

  /** Start loading at `position` seconds; `listen` loads the sound alone. */
  open(position, listen = false) {
    this.#hls ??= this.#create();
    this.isListening = listen;
    this.#startAt = position;
    this.#hls.once(this.#Hls.Events.MANIFEST_PARSED, () => this.#hls.startLoad(this.#startAt));
    const audio = new URL(this.#session.path('renditions/audio.m3u8'), document.baseURI).href;
    this.#hls.loadSource(listen ? audio : this.#session.manifest.url);
    if (this.#hls.media !== this.#video) this.#hls.attachMedia(this.#video);
  }

  /** Start at `position` after all: something was opened, but nothing of it is shown yet. */
  startAt(position) {
    this.#startAt = position;
    if (this.#hls.levels.length) this.#hls.startLoad(position);
    if (this.#video.readyState) this.#video.currentTime = position;
  }

  /** The session was reopened. Returns whether what is loaded can simply go on. */
  resume() {
    this.#hls.startLoad(this.#video.currentTime);
    return true;
  }

  /** Try again after trouble with the network. */
  retry() {
    this.#hls.startLoad(this.#video.currentTime);
  }

  /** Load nothing more, but keep what there is. */
  hold() {
    this.#hls.stopLoad();
  }

  /** The rungs on offer, best first; see rungs.js. */
  get rungs() {
    // The sound alone has none: those of the film stay on offer.
    if (!this.isListening && this.#hls?.levels.length) this.#rungs = rungsOf(this.#hls.levels);
    return this.#rungs;
  }

  /** Height of the picture being shown, or 0. */
  get height() {
    return this.#hls?.levels[this.#hls.currentLevel]?.height ?? 0;
  }

  /** Play one rung, or choose by bandwidth when null. */
  setRung(rung) {
    this.#hls.nextLevel = rung ? rung.index : -1;
  }

  get captionTracks() {
    return (this.#hls?.subtitleTracks ?? []).map((track, index) => ({
      index,
      label: track.name,
      language: track.lang ?? '',
    }));
  }

  /** Load the captions at `index`, or none for -1. They are drawn by captions.js. */
  setCaptions(index) {
    if (this.#hls) this.#hls.subtitleTrack = index;
    this.#cues.select(index);
  }

  /** The text track that holds the cues of the captions. */
  get textTrack() {
    return this.#cues.track;
  }

  /** Stop at once and drop everything buffered. */
  destroy() {
    this.#hls?.destroy();
    this.#hls = null;
    this.#video.removeAttribute('src');
    this.#video.load();
  }

  #create() {
    allowWorker();
    const { Events } = this.#Hls;
    const hls = new this.#Hls({
      workerPath: WORKER,
      autoStartLoad: false,
      capLevelToPlayerSize: true,
      maxBufferLength: AHEAD_SECONDS,
      maxMaxBufferLength: AHEAD_SECONDS,
      backBufferLength: 60,
      renderTextTracksNatively: false,
      pLoader: playlistLoader(this.#Hls.DefaultConfig.loader, () => this.#session.manifest),
      xhrSetup: (xhr, address) => this.#prepare(xhr, address),
      ...loadPolicies(() => this.#links.distrust()),
    });
    hls.on(Events.MANIFEST_PARSED, () => this.#tell('levels'));
    hls.on(Events.FRAG_BUFFERED, () => this.#tell('flow'));
    hls.on(Events.LEVEL_SWITCHED, () => this.#tell('level'));
    // hls.js makes a choice of its own right after this event; ours comes after that.
    hls.on(Events.SUBTITLE_TRACKS_UPDATED, () => queueMicrotask(() => this.#tell('captions')));
    hls.on(Events.CUES_PARSED, (_, { subtitleTrack, cues }) => {
      this.#cues.add(subtitleTrack.id, cues);
      this.#tell('cues');
    });
    hls.on(Events.ERROR, (_, data) => this.#failed(data));
    return hls;
  }

  async #prepare(xhr, address) {
    const { url, withCredentials } = await this.#links.prepare(address);
    xhr.open('GET', url, true);
    xhr.withCredentials = withCredentials;
  }

  #tell(name, detail = null) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  #failed(data) {
    const { ErrorTypes, ErrorDetails } = this.#Hls;
    const status = data.response?.code ?? 0;
    const isSegment = data.details === ErrorDetails.FRAG_LOAD_ERROR;
    if (data.type === ErrorTypes.NETWORK_ERROR && REFUSALS.has(status)) {
      if (isSegment && !data.fatal) return;
      this.#tell('trouble', { kind: 'refused', status });
    } else if (data.fatal && data.type === ErrorTypes.NETWORK_ERROR) {
      this.#tell('trouble', { kind: 'network', status });
    } else if (data.fatal) {
      this.#repair(data);
    }
  }

  #repair(data) {
    const isRecent = performance.now() - this.#repairedAt < MEDIA_REPAIR_MS;
    this.#repairedAt = performance.now();
    if (data.type === this.#Hls.ErrorTypes.MEDIA_ERROR && !isRecent) {
      this.#hls.recoverMediaError();
    } else {
      this.#tell('trouble', { kind: 'media', status: 0 });
    }
  }
}
