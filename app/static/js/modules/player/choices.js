/** What the viewer chose: speed, quality, captions, going on to the next lesson. Remembered. */

import { recall, remember } from './preferences.js';
import { rungFor } from './rungs.js';

export const RATES = [0.5, 0.75, 1, 1.25, 1.5, 1.75, 2];
const AUTO = 'auto';
const SOUND_ONLY = 'audio';
const DATA_SAVER = '240-low';

/** Event: `change`, whenever a choice or what can be chosen has changed. */
export class Choices extends EventTarget {
  #player;
  #captionIndex = -1;

  constructor(player) {
    super();
    this.#player = player;
    const { video, config } = player;
    this.rate = firstRate(config.rate);
    this.quality = recall('quality', navigator.connection?.saveData ? DATA_SAVER : AUTO);
    this.hasCaptionsOn = recall('captions', false);
    this.captionLanguage = recall('captions-language', document.documentElement.lang);
    this.goesOn = recall('goes-on', true);
    video.defaultPlaybackRate = this.rate;
    video.playbackRate = this.rate;
    const volume = recall('volume', { level: 1, muted: false });
    video.volume = volume.level;
    video.muted = volume.muted;
    video.addEventListener('volumechange', () => {
      remember('volume', { level: video.volume, muted: video.muted });
    });
  }

  get isListening() {
    return this.quality === SOUND_ONLY;
  }

  /** Apply the choices to a new engine, and hear what it offers. */
  follow(engine) {
    engine.addEventListener('levels', () => {
      this.#applyQuality();
      this.#changed();
    });
    engine.addEventListener('level', () => this.#changed());
    engine.addEventListener('cues', () => this.#changed());
    engine.addEventListener('captions', () => {
      this.#applyCaptions();
      this.#changed();
    });
  }

  setRate(rate) {
    const { video } = this.#player;
    this.rate = nearestRate(rate);
    video.defaultPlaybackRate = this.rate;
    video.playbackRate = this.rate;
    remember('rate', this.rate);
    this.#changed();
  }

  /** Take the next faster (+1) or slower (-1) speed. */
  stepRate(step) {
    const index = RATES.indexOf(this.rate) + step;
    this.setRate(RATES[Math.min(Math.max(0, index), RATES.length - 1)]);
  }

  /** Choose `auto`, a rung's value, or `audio`. */
  setQuality(quality) {
    const wasListening = this.isListening;
    this.quality = quality;
    remember('quality', quality);
    const { engine } = this.#player;
    if (engine && wasListening !== this.isListening) this.#player.reload();
    else if (engine) this.#applyQuality();
    this.#changed();
  }

  /** Show the captions of `language`, or none for ''. */
  setCaptions(language) {
    this.hasCaptionsOn = language !== '';
    remember('captions', this.hasCaptionsOn);
    if (language) {
      this.captionLanguage = language;
      remember('captions-language', language);
      this.#applyCaptions();
    }
    this.#changed();
  }

  toggleCaptions() {
    this.setCaptions(this.hasCaptionsOn ? '' : this.captionLanguage || 'en');
  }

  setGoesOn(goesOn) {
    this.goesOn = goesOn;
    remember('goes-on', goesOn);
    this.#changed();
  }

  get captionTracks() {
    return this.#player.engine?.captionTracks ?? [];
  }

  /** The track that is loaded: also when captions are off, for the transcript. */
  get captionTrack() {
    return this.captionTracks[this.#captionIndex] ?? null;
  }

  #applyQuality() {
    const { engine } = this.#player;
    if (this.isListening) return;
    engine.setRung(this.quality === AUTO ? null : rungFor(engine.rungs, this.quality));
  }

  #applyCaptions() {
    const tracks = this.captionTracks;
    const wanted = tracks.findIndex((track) => track.language === this.captionLanguage);
    this.#captionIndex = wanted === -1 ? Math.min(0, tracks.length - 1) : wanted;
    this.#player.engine?.setCaptions(this.#captionIndex);
  }

  #changed() {
    this.dispatchEvent(new Event('change'));
  }
}

/** The speed last chosen here, unless the account asks for another one than it did before. */
function firstRate(wanted) {
  if (recall('account-rate', wanted) !== wanted) remember('rate', wanted);
  remember('account-rate', wanted);
  return nearestRate(recall('rate', wanted));
}

function nearestRate(rate) {
  const distance = (option) => Math.abs(option - rate);
  return RATES.reduce((best, option) => (distance(option) < distance(best) ? option : best), 1);
}
