/** Stills of the lesson, drawn above the scrubber for the position that is pointed at. */

import { ApiError, getJson } from '../../lib/api.js';

/** Draws the still of a second on a canvas; sheets are fetched when one is first needed. */
export class Storyboard {
  #player;
  #canvas;
  #board = null;
  #sheets = new Map();
  #asked = null;
  #wanted = 0;

  constructor(player, canvas) {
    this.#player = player;
    this.#canvas = canvas;
    player.session.addEventListener('opened', () => this.#forget());
    player.addEventListener('lesson', () => this.#forget());
  }

  /** Show the still of `seconds` as soon as it is there; hide the canvas while there is none. */
  async show(seconds) {
    this.#wanted = seconds;
    const board = await this.#find();
    if (!board || this.#wanted !== seconds) return;
    const number = Math.min(board.count - 1, Math.max(0, Math.floor(seconds / board.interval_seconds)));
    const each = board.columns * board.rows;
    const image = await this.#sheet(board, Math.floor(number / each));
    if (image && this.#wanted === seconds) this.#draw(board, image, number % each);
  }

  #forget() {
    this.#board = null;
    this.#asked = null;
    this.#sheets.clear();
    this.#canvas.hidden = true;
  }

  /** Return the board of the open stream, null where there is none (an older video, no stream). */
  async #find() {
    const { session } = this.#player;
    if (!session.isLive) return null;
    this.#asked ??= getJson(session.path('storyboard')).catch((error) => {
      if (!(error instanceof ApiError)) throw error;
      if (error.isTransient) this.#asked = null;
      return null;
    });
    this.#board = await this.#asked;
    return this.#board;
  }

  #sheet(board, number) {
    if (!this.#sheets.has(number)) {
      const image = new Image();
      image.src = board.sheets[number];
      const loaded = image.decode().then(
        () => image,
        () => {
          this.#sheets.delete(number);
          return null;
        },
      );
      this.#sheets.set(number, loaded);
    }
    return this.#sheets.get(number);
  }

  #draw(board, image, index) {
    const { width, height, columns } = board;
    const canvas = this.#canvas;
    canvas.width = width;
    canvas.height = height;
    const left = (index % columns) * width;
    const top = Math.floor(index / columns) * height;
    canvas.getContext('2d').drawImage(image, left, top, width, height, 0, 0, width, height);
    canvas.hidden = false;
  }
}
