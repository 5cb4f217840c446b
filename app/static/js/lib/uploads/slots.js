// A few turns that all uploads of this page share, given in the order they were asked for.
export class Slots {
  #free;
  #waiting = [];

  constructor(count) {
    this.#free = count;
  }

  /** Run `act` when a slot is free; an abort by `signal` while waiting raises AbortError. */
  async run(act, signal) {
    await this.#take(signal);
    try {
      return await act();
    } finally {
      this.#free += 1;
      this.#next();
    }
  }

  #take(signal) {
    return new Promise((resolve, reject) => {
      const entry = { resolve, signal };
      const leave = () => {
        this.#waiting = this.#waiting.filter((other) => other !== entry);
        reject(new DOMException('Stopped.', 'AbortError'));
      };
      entry.resolve = () => {
        signal?.removeEventListener('abort', leave);
        resolve();
      };
      if (signal?.aborted) {
        leave();
        return;
      }
      signal?.addEventListener('abort', leave, { once: true });
      this.#waiting.push(entry);
      this.#next();
    });
  }

  #next() {
    while (this.#free > 0 && this.#waiting.length) {
      this.#free -= 1;
      this.#waiting.shift().resolve();
    }
  }
}
