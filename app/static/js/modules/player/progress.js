/**
 * The seconds really shown. Only contiguous playing counts: a seek starts a new range, and media
 * time may not run ahead of the clock on the wall.
 */

const SLACK_SECONDS = 0.75;

/** Merge ranges [from, to) that touch or overlap. */
export function union(ranges) {
  const merged = [];
  for (const [from, to] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const last = merged.at(-1);
    if (last && from <= last[1]) last[1] = Math.max(last[1], to);
    else merged.push([from, to]);
  }
  return merged;
}

/** Collects watched ranges of one video; `take` hands them over, `restore` takes them back. */
export class WatchedRanges {
  #closed = [];
  #open = null;
  #last = null;
  #seenAt = 0;

  /** Listen to a media element from now on. */
  follow(video) {
    const note = () => this.note(video.currentTime, video.playbackRate, performance.now() / 1000);
    video.addEventListener('timeupdate', () => {
      if (video.paused || video.seeking) return;
      note();
    });
    video.addEventListener('playing', () => this.begin(video.currentTime));
    for (const name of ['seeking', 'emptied']) video.addEventListener(name, () => this.cut());
    for (const name of ['pause', 'ended']) {
      video.addEventListener(name, () => {
        if (!video.seeking) note();
        this.cut();
      });
    }
  }

  /** Playing starts (or starts again) at `position`. */
  begin(position, now = performance.now() / 1000) {
    if (this.#open && Math.abs(position - this.#open[1]) < SLACK_SECONDS) return;
    this.cut();
    const isGoingOn = this.#last && Math.abs(position - this.#last[1]) < SLACK_SECONDS;
    const from = isGoingOn ? Math.max(this.#last[0], Math.floor(this.#last[1])) : position;
    this.#open = [Math.min(from, position), position];
    this.#seenAt = now;
  }

  /** The picture stands at `position` at `now` (seconds of a steady clock). */
  note(position, rate, now) {
    if (!this.#open) return;
    const advance = position - this.#open[1];
    const allowed = (now - this.#seenAt) * rate + SLACK_SECONDS;
    this.#seenAt = now;
    if (advance < 0 || advance > allowed) {
      this.begin(position, now);
      return;
    }
    this.#open[1] = position;
  }

  /** What follows is not contiguous with what was. */
  cut() {
    if (this.#open && this.#open[1] > this.#open[0]) {
      this.#closed.push(this.#open);
      this.#last = [...this.#open];
    }
    this.#open = null;
  }

  /** Return whole watched seconds as [from, to) and keep only the fraction that is under way. */
  take() {
    const ranges = this.#closed;
    this.#closed = [];
    if (this.#open) {
      const [from, to] = this.#open;
      const whole = Math.floor(to);
      if (whole > from) {
        ranges.push([from, whole]);
        this.#open = [whole, to];
      }
    }
    return union(ranges.map(wholeSeconds).filter(([from, to]) => to > from));
  }

  /** Take back ranges whose report did not arrive. */
  restore(ranges) {
    this.#closed.unshift(...ranges);
  }

  /** Forget everything: another video follows. */
  clear() {
    this.#closed = [];
    this.#open = null;
    this.#last = null;
  }
}

/** A second of which a quarter or less is missing at its start counts; one that was not finished does not. */
function wholeSeconds([from, to]) {
  return [Math.ceil(from - 0.25), Math.floor(to)];
}
