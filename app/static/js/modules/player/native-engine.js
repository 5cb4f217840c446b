/** Plays with the browser's own HLS, only where hls.js cannot run. Same shape as HlsEngine. */

/** Events: `levels`, `captions`, `flow`, `trouble`. Rungs are the browser's own choice here. */
export class NativeEngine extends EventTarget {
  #session;
  #video;
  #startAt = 0;
  #failed = () => this.#trouble();
  #flowed = () => this.dispatchEvent(new CustomEvent('flow'));
  #tracked = () => this.dispatchEvent(new CustomEvent('captions'));

  constructor(video, session) {
    super();
    this.#video = video;
    this.#session = session;
    this.isListening = false;
    this.rungs = [];
    this.height = 0;
    video.addEventListener('error', this.#failed);
    video.addEventListener('progress', this.#flowed);
    video.textTracks.addEventListener('addtrack', this.#tracked);
  }

  /** Whether the browser plays HLS by itself. */
  static isSupported(video) {
    return video.canPlayType('application/vnd.apple.mpegurl') !== '';
  }

  /** Start loading at `position` seconds; `listen` loads the sound alone. */
  open(position, listen = false) {
    this.isListening = listen;
    this.#startAt = position;
    this.#video.addEventListener(
      'loadedmetadata',
      () => {
        this.#video.currentTime = this.#startAt;
        this.dispatchEvent(new CustomEvent('levels'));
      },
      { once: true },
    );
    const audio = this.#session.path('renditions/audio.m3u8');
    this.#video.src = listen ? audio : this.#session.manifest.signedUrl;
  }

  /** Start at `position` after all: something was opened, but nothing of it is shown yet. */
  startAt(position) {
    this.#startAt = position;
    if (this.#video.readyState) this.#video.currentTime = position;
  }

  /** The addresses of the old session are dead here: it must be opened again. */
  resume() {
    return false;
  }

  /** The browser retries by itself; after a real failure only opening again helps. */
  retry() {
    this.open(this.#video.currentTime, this.isListening);
  }

  hold() {}

  setRung() {}

  get captionTracks() {
    return [...this.#video.textTracks].map((track, index) => ({
      index,
      label: track.label,
      language: track.language,
    }));
  }

  /** Load the captions at `index`, or none for -1. */
  setCaptions(index) {
    [...this.#video.textTracks].forEach((track, at) => {
      track.mode = at === index ? 'hidden' : 'disabled';
    });
  }

  /** The text track that holds the cues of the captions. */
  get textTrack() {
    return [...this.#video.textTracks].find((track) => track.mode === 'hidden') ?? null;
  }

  /** Stop at once and drop everything buffered. */
  destroy() {
    this.#video.removeEventListener('error', this.#failed);
    this.#video.removeEventListener('progress', this.#flowed);
    this.#video.textTracks.removeEventListener('addtrack', this.#tracked);
    this.#video.removeAttribute('src');
    this.#video.load();
  }

  #trouble() {
    const code = this.#video.error?.code;
    const kind = code === MediaError.MEDIA_ERR_DECODE ? 'media' : 'refused';
    const detail = { kind, status: 0 };
    this.dispatchEvent(new CustomEvent('trouble', { detail }));
  }
}
