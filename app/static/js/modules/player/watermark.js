/** The name, code and time over the picture, moving from place to place. watermark-guard.js guards it. */

import { timeOfDay } from './time.js';

const MOVE_MS = 7000;
const CLOCK_MS = 5000;
const MIN_OPACITY = 0.2;
const MIN_FONT_PX = 9;
/** The lowest part of the picture belongs to captions and controls. */
const HEIGHT_SHARE = 0.66;
const MARGIN_SHARE = 0.02;

/** Set on the element itself and important, so that no style sheet outweighs them. */
const LAW = {
  position: 'absolute',
  display: 'block',
  visibility: 'visible',
  opacity: '0.5',
  'pointer-events': 'none',
  'z-index': '2',
  'clip-path': 'none',
  filter: 'none',
  'mask-image': 'none',
  transform: 'none',
  translate: 'none',
  scale: 'none',
  rotate: 'none',
  'content-visibility': 'visible',
  transition: 'none',
  animation: 'none',
  color: '#fff',
  '-webkit-text-fill-color': '#fff',
  'text-shadow': '0 0 2px #000, 0 0 4px #000, 0 1px 2px #000',
  'mix-blend-mode': 'normal',
  'text-indent': '0',
  'white-space': 'pre-line',
  'font-size': 'clamp(11px, 2cqi, 20px)',
  'inset-inline': 'auto',
  'inset-block': 'auto',
};

/** One watermark on one player. */
export class Watermark {
  #player;
  #element = null;
  #who = null;
  #places;
  #place = [0.1, 0.1];
  #timers = [];

  constructor(player) {
    this.#player = player;
    new ResizeObserver(() => this.#put()).observe(player.root);
    player.video.addEventListener('resize', () => this.#put());
    player.root.addEventListener('player:captions', () => this.#keepClear());
  }

  get element() {
    return this.#element;
  }

  get #signature() {
    return `${this.#who.text}\n${this.#who.code}`;
  }

  /** Draw it for a session's `{text, code}`. */
  show(who) {
    this.hide();
    this.#who = who;
    this.#places = places(who.code);
    this.#place = this.#places.next().value;
    this.redraw();
    this.#timers = [
      setInterval(() => this.#move(), MOVE_MS),
      setInterval(() => this.#write(), CLOCK_MS),
    ];
  }

  hide() {
    this.#timers.forEach(clearInterval);
    this.#timers = [];
    this.#who = null;
    this.#element?.remove();
    this.#element = null;
  }

  /** Build it anew, whatever became of the old one. */
  redraw() {
    if (!this.#who) return;
    this.#element?.remove();
    this.#element = document.createElement('div');
    this.#element.className = 'player__watermark';
    this.#element.dataset.part = 'watermark';
    this.#element.setAttribute('aria-hidden', 'true');
    for (const [name, value] of Object.entries(LAW)) {
      this.#element.style.setProperty(name, value, 'important');
    }
    this.#player.root.append(this.#element);
    this.#write();
    this.#put();
  }

  /** Whether it stands in the picture as it should, legible and whole. True when none is due. */
  isIntact() {
    const element = this.#element;
    if (!this.#who) return true;
    if (!element?.isConnected || element.parentNode !== this.#player.root) return false;
    if (!element.textContent.startsWith(this.#signature)) return false;
    const style = element.ownerDocument.defaultView.getComputedStyle(element);
    const isSeen =
      style.display === 'block' &&
      style.visibility === 'visible' &&
      Number(style.opacity) >= MIN_OPACITY &&
      parseFloat(style.fontSize) >= MIN_FONT_PX &&
      ['clipPath', 'filter', 'transform', 'translate', 'scale'].every((n) => style[n] === 'none');
    return isSeen && this.#isInPicture();
  }

  #isInPicture() {
    const box = this.#element.getBoundingClientRect();
    const frame = this.#player.root.getBoundingClientRect();
    if (!frame.width || !frame.height) return true;
    const isInside =
      box.left >= frame.left - 2 &&
      box.top >= frame.top - 2 &&
      box.right <= frame.right + 2 &&
      box.bottom <= frame.bottom + 2;
    return isInside && box.width > 20 && box.height > MIN_FONT_PX;
  }

  #move() {
    this.#place = this.#places.next().value;
    this.#put();
    this.#keepClear();
  }

  #write() {
    if (!this.#element) return;
    const words = `${this.#signature} · ${timeOfDay()}`;
    if (this.#element.textContent !== words) this.#element.textContent = words;
  }

  #put() {
    if (!this.#element) return;
    const { offsetWidth: width, offsetHeight: height } = this.#element;
    const picture = pictureBox(this.#player);
    const [across, down] = this.#place;
    const left = picture.left + across * Math.max(0, picture.width - width);
    const top = picture.top + down * Math.max(0, picture.height * HEIGHT_SHARE - height);
    this.#element.style.setProperty('left', `${Math.round(left)}px`, 'important');
    this.#element.style.setProperty('top', `${Math.round(top)}px`, 'important');
  }

  /** Tall captions on a small picture: go to the top. */
  #keepClear() {
    const captions = this.#player.part('captions');
    if (!this.#element || captions.hidden) return;
    const lowest = this.#element.getBoundingClientRect().bottom;
    if (lowest <= captions.getBoundingClientRect().top) return;
    this.#place = [this.#place[0], 0];
    this.#put();
  }
}

/** Where the picture itself is inside the player, without the bars beside it. */
function pictureBox({ root, video }) {
  const { clientWidth: width, clientHeight: height } = root;
  if (!video.videoWidth) return { left: 0, top: 0, width, height };
  const scale = Math.min(width / video.videoWidth, height / video.videoHeight);
  const shown = { width: video.videoWidth * scale, height: video.videoHeight * scale };
  const margin = shown.width * MARGIN_SHARE;
  return {
    left: (width - shown.width) / 2 + margin,
    top: (height - shown.height) / 2 + margin,
    width: shown.width - 2 * margin,
    height: shown.height - 2 * margin,
  };
}

/** Pseudo-random places, as shares of the free room across and down, each far from the last. */
function* places(seed) {
  let state = [...seed].reduce((sum, char) => (sum * 31 + char.charCodeAt(0)) >>> 0, Date.now() >>> 0);
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  let last = [0.5, 0.5];
  for (;;) {
    let place = [next(), next()];
    for (let tries = 0; tries < 8 && distance(place, last) < 0.35; tries += 1) {
      place = [next(), next()];
    }
    last = place;
    yield place;
  }
}

function distance([a, b], [c, d]) {
  return Math.hypot(a - c, b - d);
}
