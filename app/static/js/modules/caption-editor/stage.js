/** The video beside the cues: opened when asked for, showing the cues as they are written. */

import { ApiError } from '../../lib/api.js';
import { HlsEngine } from '../player/engine.js';
import { Heartbeat } from '../player/heartbeat.js';
import { Links } from '../player/links.js';
import { WatchedRanges } from '../player/progress.js';
import { Session } from '../player/session.js';

/** Events: `time` (seconds). */
export class Stage extends EventTarget {
  #video;
  #session;
  #heartbeat;
  #links;
  #engine = null;
  #opening = null;
  #until = null;
  #track;

  constructor(video, lessonId) {
    super();
    this.#video = video;
    this.#session = new Session(lessonId);
    // Nothing is reported as watched: whoever writes captions is not learning the lesson.
    this.#heartbeat = new Heartbeat(this.#session, new WatchedRanges(), () => ({
      position_seconds: 0,
      rate: video.playbackRate,
      playing: !video.paused,
    }));
    this.#links = new Links(this.#session, this.#heartbeat);
    this.#heartbeat.follow(video);
    this.#track = video.addTextTrack('captions', 'editor');
    this.#track.mode = 'showing';
    video.addEventListener('timeupdate', () => this.#moved());
    window.addEventListener('pagehide', () => this.#heartbeat.leave());
  }

  get isOpen() {
    return this.#engine !== null;
  }

  get time() {
    return this.#video.currentTime;
  }

  /** Open the stream, once. Raises ApiError, or Error where this browser cannot play it. */
  open() {
    this.#opening ??= this.#open().catch((error) => {
      this.#opening = null;
      throw error;
    });
    return this.#opening;
  }

  /** Play from `start`, and pause at `end` where there is one. */
  async play(start, end = null) {
    await this.open();
    this.#video.currentTime = start;
    this.#until = end;
    try {
      await this.#video.play();
    } catch (error) {
      if (!['NotAllowedError', 'AbortError'].includes(error.name)) throw error;
    }
  }

  /** Show these cues over the picture. */
  show(cues) {
    for (const cue of [...this.#track.cues]) this.#track.removeCue(cue);
    for (const { start, end, text } of cues) {
      if (end > start && text.trim()) this.#track.addCue(new VTTCue(start, end, text));
    }
  }

  async #open() {
    const [engine] = await Promise.all([
      HlsEngine.load(this.#video, this.#session, this.#links),
      this.#session.open(),
    ]);
    if (!engine) throw new ApiError(0, { code: 'UNPLAYABLE' });
    this.#engine = engine;
    engine.addEventListener('trouble', ({ detail }) => this.#mend(detail));
    this.#heartbeat.addEventListener('reopened', () => engine.resume());
    engine.open(0);
  }

  #mend({ kind }) {
    if (kind === 'refused') this.#heartbeat.beat();
    else if (kind === 'network') setTimeout(() => this.#engine.retry(), 2000);
  }

  #moved() {
    const { currentTime } = this.#video;
    if (this.#until !== null && currentTime >= this.#until) {
      this.#video.pause();
      this.#until = null;
    }
    this.dispatchEvent(new CustomEvent('time', { detail: currentTime }));
  }
}
