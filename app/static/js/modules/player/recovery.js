/** Trouble while playing: retries with patience, keeps the frame, asks only when patience ends. */

const DELAYS_MS = [500, 1000, 2000, 4000, 8000, 8000, 8000, 8000];
const REFUSED_LIMIT = 3;
const UNPLAYABLE = 'UNPLAYABLE';

/** Handles an engine's `trouble`. */
export class Recovery {
  #player;
  #tries = 0;
  #refusals = 0;
  #restarts = 0;
  #timer = 0;

  constructor(player) {
    this.#player = player;
    window.addEventListener('online', () => this.#again());
  }

  follow(engine) {
    engine.addEventListener('flow', () => this.#calm());
    engine.addEventListener('trouble', (event) => this.#meet(event.detail));
  }

  /** The viewer asked for another try. */
  async reconnect() {
    this.#calm();
    const player = this.#player;
    if (!player.engine) return player.start({ position: player.position || null });
    if (player.detail?.code === UNPLAYABLE) return player.restart();
    await player.heartbeat.beat();
    if (!player.engine) return undefined;
    player.engine.retry();
    return player.play();
  }

  #meet({ kind, status }) {
    if (kind === 'network') this.#wait();
    else if (kind === 'refused') this.#ask(status);
    else this.#player.fail({ code: UNPLAYABLE, status });
  }

  #wait() {
    if (this.#timer) return;
    const delay = DELAYS_MS[this.#tries];
    if (delay === undefined) {
      this.#player.fail({ code: 'UNREACHABLE', status: 0 });
      return;
    }
    this.#tries += 1;
    this.#timer = setTimeout(() => this.#again(), delay);
  }

  #again() {
    if (!this.#timer) return;
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#player.engine?.retry();
  }

  /** A playlist, key or segment was refused: the session knows why. */
  async #ask(status) {
    const player = this.#player;
    this.#refusals += 1;
    if (this.#refusals > REFUSED_LIMIT) {
      this.#refusals = 0;
      this.#restarts += 1;
      if (this.#restarts === 1) await player.restart();
      else player.fail({ code: UNPLAYABLE, status });
      return;
    }
    player.engine?.hold();
    if (await player.heartbeat.beat()) this.#wait();
  }

  #calm() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#tries = 0;
    this.#refusals = 0;
    this.#restarts = 0;
  }
}
