/** The conductor: one video, one session, one engine; what the viewer intends and what comes of it. */

import { ApiError } from '../../lib/api.js';
import { Choices } from './choices.js';
import { readConfig } from './config.js';
import { HlsEngine } from './engine.js';
import { Heartbeat } from './heartbeat.js';
import { Links } from './links.js';
import { NativeEngine } from './native-engine.js';
import { WatchedRanges } from './progress.js';
import { Recovery } from './recovery.js';
import { Session } from './session.js';

const NEAR_END_SECONDS = 5;
const WORTH_TELLING_SECONDS = 5;
const STRAYED_SECONDS = 2;
const UNPLAYABLE = { code: 'UNPLAYABLE', status: 0 };

/**
 * States: `idle` (a click is awaited), `starting`, `active`, `trouble` (detail: what happened),
 * `over` (detail: why the stream was ended). Events: `state`, `lesson`, `resumed` (seconds).
 */
export class Player extends EventTarget {
  #starting = null;
  #position = 0;
  #isShowing = false;

  constructor(root) {
    super();
    this.root = root;
    this.video = root.querySelector('video');
    this.config = readConfig(root);
    this.state = 'idle';
    this.detail = null;
    this.engine = null;
    this.isWatermarkHidden = false;
    this.watched = new WatchedRanges();
    this.session = new Session(this.config.lessonId);
    this.heartbeat = new Heartbeat(this.session, this.watched, () => this.#report());
    this.links = new Links(this.session, this.heartbeat);
    this.choices = new Choices(this);
    this.recovery = new Recovery(this);
    this.#listen();
  }

  /** Return the element the template marked `data-part="name"`. */
  part(name) {
    return this.root.querySelector(`[data-part="${name}"]`);
  }

  get duration() {
    const { duration } = this.video;
    return Number.isFinite(duration) ? duration : this.config.durationSeconds;
  }

  get position() {
    return this.#position;
  }

  get isPlaying() {
    return this.engine !== null && !this.video.paused && !this.video.ended;
  }

  /** Play; the first time this opens the session. Second clicks join the first. */
  async play() {
    if (this.#starting) return this.#starting;
    if (!this.engine || this.session.state === 'ended') return this.start();
    this.#become('active');
    return this.#playVideo();
  }

  pause() {
    this.video.pause();
  }

  toggle() {
    if (this.isPlaying) this.pause();
    else this.play();
  }

  seekTo(seconds) {
    if (!this.engine) return;
    const position = Math.min(Math.max(0, seconds), Math.max(0, this.duration - 0.1));
    if (this.#isShowing) {
      this.video.currentTime = position;
      return;
    }
    this.#position = position;
    this.engine.startAt(position);
  }

  seekBy(seconds) {
    this.seekTo((this.#isShowing ? this.video.currentTime : this.#position) + seconds);
  }

  /** Open a session (ending `replace` for it) and play from `position`, by default where one was. */
  start({ replace = null, position = null } = {}) {
    this.#starting ??= this.#start(replace, position).finally(() => {
      this.#starting = null;
    });
    return this.#starting;
  }

  /** Open everything anew where the picture stands; the last remedy. */
  restart() {
    return this.start({ replace: this.session.id, position: this.#position });
  }

  /** Load the source again where the picture stands, with or without its picture. */
  reload() {
    const wasPlaying = this.isPlaying;
    this.engine.open(this.#position, this.choices.isListening);
    if (wasPlaying) this.#playVideo();
  }

  /** Tell the viewer what went wrong; the frame stays. `error` has `code` and `status`. */
  fail(error) {
    this.video.pause();
    this.#become('trouble', error);
  }

  /** Turn to another lesson of the same page, and play it. */
  async turnTo(config) {
    await this.heartbeat.finish();
    this.#drop();
    this.config = config;
    this.#position = 0;
    this.watched.clear();
    this.session.retarget(config.lessonId);
    this.dispatchEvent(new Event('lesson'));
    return this.start();
  }

  async #start(replace, position) {
    this.#become('starting');
    try {
      const [engine] = await Promise.all([this.#loadEngine(), this.session.open(replace)]);
      if (!engine) throw UNPLAYABLE;
      this.#adopt(engine);
      this.#position = position ?? this.#resumePosition();
      engine.open(this.#position, this.choices.isListening);
      this.#become('active');
      if (position === null && this.#position > WORTH_TELLING_SECONDS) this.#tellResumed();
    } catch (error) {
      this.#drop();
      this.fail(error instanceof ApiError || error === UNPLAYABLE ? error : unreachable(error));
      return;
    }
    await this.#playVideo();
  }

  async #loadEngine() {
    if (this.engine) return this.engine;
    const { video, session, links } = this;
    const engine = await HlsEngine.load(video, session, links);
    if (engine) return engine;
    return NativeEngine.isSupported(video) ? new NativeEngine(video, session) : null;
  }

  #adopt(engine) {
    if (this.engine === engine) return;
    this.engine = engine;
    this.choices.follow(engine);
    this.recovery.follow(engine);
  }

  #drop() {
    this.engine?.destroy();
    this.engine = null;
  }

  #resumePosition() {
    const saved = Math.floor(this.session.details.resume_position_seconds ?? 0);
    return saved > this.duration - NEAR_END_SECONDS ? 0 : saved;
  }

  #tellResumed() {
    this.dispatchEvent(new CustomEvent('resumed', { detail: this.#position }));
  }

  async #playVideo() {
    try {
      await this.video.play();
    } catch (error) {
      // The browser wants a click of its own, or another load overtook this one.
      if (error.name === 'NotAllowedError') this.#become('idle');
      else if (error.name !== 'AbortError') throw error;
    }
  }

  #become(state, detail = null) {
    this.state = state;
    this.detail = detail;
    this.root.dataset.state = state;
    this.dispatchEvent(new CustomEvent('state', { detail }));
  }

  #report() {
    return {
      position_seconds: Math.round(this.#position * 100) / 100,
      rate: this.video.playbackRate,
      playing: this.isPlaying,
      watermark_hidden: this.isWatermarkHidden,
    };
  }

  #listen() {
    const { video, session, heartbeat } = this;
    this.watched.follow(video);
    heartbeat.follow(video);
    const note = () => {
      if (this.#isShowing) this.#position = video.currentTime;
    };
    video.addEventListener('emptied', () => {
      this.#isShowing = false;
    });
    video.addEventListener('loadeddata', () => {
      this.#isShowing = true;
      // What was loading when another place was asked for may have come all the same.
      const strayed = Math.abs(video.currentTime - this.#position);
      if (strayed > STRAYED_SECONDS) video.currentTime = this.#position;
    });
    for (const name of ['timeupdate', 'seeked', 'pause']) video.addEventListener(name, note);
    video.addEventListener('play', () => this.#become('active'));
    session.addEventListener('ended', (event) => {
      this.video.pause();
      this.#drop();
      this.#become('over', event.detail);
    });
    heartbeat.addEventListener('refused', (event) => this.fail(event.detail));
    heartbeat.addEventListener('reopened', () => {
      if (this.engine && !this.engine.resume()) this.reload();
    });
    window.addEventListener('pagehide', () => heartbeat.leave());
    window.addEventListener('pageshow', (event) => {
      if (event.persisted && session.state === 'lapsed') heartbeat.beat();
    });
  }
}

function unreachable(cause) {
  if (cause instanceof TypeError) return { code: 'UNREACHABLE', status: 0 };
  throw cause;
}
