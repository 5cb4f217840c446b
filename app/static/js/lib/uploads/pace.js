// How fast bytes go, over the last seconds, and how long the rest will take.
const WINDOW_MS = 8000;

export class Pace {
  #samples = [];

  /** Note that `total` bytes have gone by now. */
  note(total, now = performance.now()) {
    this.#samples.push([now, total]);
    while (this.#samples.length > 2 && now - this.#samples[0][0] > WINDOW_MS) this.#samples.shift();
  }

  /** Forget what was: after a pause the old pace says nothing. */
  reset() {
    this.#samples = [];
  }

  /** Bytes a second, 0 while it is not known. */
  get bytesPerSecond() {
    if (this.#samples.length < 2) return 0;
    const [start, first] = this.#samples[0];
    const [end, last] = this.#samples.at(-1);
    return end - start < 500 ? 0 : Math.max(0, ((last - first) * 1000) / (end - start));
  }

  /** Seconds until `left` bytes have gone, null while that is not known. */
  secondsFor(left) {
    const speed = this.bytesPerSecond;
    return speed > 0 ? left / speed : null;
  }
}
