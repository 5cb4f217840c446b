/**
 * The cues that hls.js hands over, in a text track of ours. It must not make tracks of its own: it
 * gives them a `data:` source, which the content security policy rightly refuses.
 */

const LABEL = 'player';

/** Cues of the selected caption track on `video.textTracks`, never drawn by the browser. */
export class Cues {
  #byIndex = new Map();
  #index = -1;

  constructor(video) {
    // A track cannot be taken off a video again, so lessons that follow share it.
    const existing = [...video.textTracks].find((track) => track.label === LABEL);
    this.track = existing ?? video.addTextTrack('metadata', LABEL);
    this.track.mode = 'hidden';
    this.#draw();
  }

  /** Take cues of the track at `index`; what arrives twice is kept once. */
  add(index, cues) {
    const kept = this.#byIndex.get(index) ?? [];
    const isNew = (cue) =>
      !kept.some((one) => one.startTime === cue.startTime && one.text === cue.text);
    this.#byIndex.set(index, [...kept, ...cues.filter(isNew)]);
    if (index === this.#index) this.#draw();
  }

  /** Show the cues of the track at `index`, none for -1. */
  select(index) {
    if (index === this.#index) return;
    this.#index = index;
    this.#draw();
  }

  #draw() {
    for (const cue of [...this.track.cues]) this.track.removeCue(cue);
    for (const cue of this.#byIndex.get(this.#index) ?? []) this.track.addCue(cue);
  }
}
