/** The bar that shows where the picture stands and moves it; with what is buffered and hover time. */

import { phrase } from './config.js';
import { Storyboard } from './storyboard.js';
import { clock } from './time.js';

const SEEK_DELAY_MS = 150;
const ARROW_SECONDS = 5;
const PAGE_SECONDS = 30;
const KEY_STEPS = {
  ArrowLeft: -ARROW_SECONDS,
  ArrowDown: -ARROW_SECONDS,
  ArrowRight: ARROW_SECONDS,
  ArrowUp: ARROW_SECONDS,
  PageDown: -PAGE_SECONDS,
  PageUp: PAGE_SECONDS,
};

/** Wire the scrubber's parts. */
export function initScrubber(player) {
  const { video } = player;
  const range = player.part('scrub');
  const bar = new Bar(player, range);
  let isDragging = false;
  let pending = 0;

  const seek = () => player.seekTo(Number(range.value));
  range.addEventListener('input', () => {
    isDragging = true;
    bar.show(Number(range.value));
    clearTimeout(pending);
    pending = setTimeout(seek, SEEK_DELAY_MS);
  });
  range.addEventListener('change', () => {
    isDragging = false;
    clearTimeout(pending);
    seek();
  });
  range.addEventListener('keydown', (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || !(event.key in KEY_STEPS)) return;
    event.preventDefault();
    event.stopPropagation();
    player.seekBy(KEY_STEPS[event.key]);
  });
  const update = () => {
    if (!isDragging) bar.show(video.readyState ? video.currentTime : player.position);
  };
  for (const name of ['timeupdate', 'seeking', 'seeked', 'durationchange', 'emptied']) {
    video.addEventListener(name, update);
  }
  for (const name of ['progress', 'timeupdate', 'emptied']) {
    video.addEventListener(name, () => bar.showBuffered());
  }
  player.addEventListener('state', update);
  player.addEventListener('lesson', update);
  initHover(player, range);
  update();
}

class Bar {
  #player;
  #range;

  constructor(player, range) {
    this.#player = player;
    this.#range = range;
  }

  show(seconds) {
    const { config, duration } = this.#player;
    this.#range.max = String(Math.max(duration, 0.1));
    this.#range.value = String(seconds);
    const values = { position: clock(seconds), duration: clock(duration) };
    this.#range.setAttribute('aria-valuetext', phrase(config.strings.positionOf, values));
    this.#player.part('position').textContent = values.position;
    this.#player.part('duration').textContent = values.duration;
    this.#player.part('played').style.setProperty('width', percent(seconds, duration));
  }

  showBuffered() {
    const { video, duration } = this.#player;
    const { buffered } = video;
    const spans = Array.from({ length: buffered.length }, (_, index) => {
      const span = document.createElement('span');
      const start = buffered.start(index);
      span.style.setProperty('left', percent(start, duration));
      span.style.setProperty('width', percent(buffered.end(index) - start, duration));
      return span;
    });
    this.#player.part('buffered').replaceChildren(...spans);
  }
}

function initHover(player, range) {
  const bubble = player.part('hover');
  const time = player.part('hover-time');
  const storyboard = new Storyboard(player, player.part('still'));
  range.addEventListener('pointermove', (event) => {
    const box = range.getBoundingClientRect();
    const share = Math.min(Math.max(0, (event.clientX - box.left) / box.width), 1);
    time.textContent = clock(share * player.duration);
    bubble.hidden = false;
    storyboard.show(share * player.duration);
    // Half its width from either end, so that a still is never cut off by the player's edge.
    const half = Math.min(bubble.offsetWidth, box.width) / 2;
    const left = Math.min(Math.max(share * box.width, half), box.width - half);
    bubble.style.setProperty('left', `${left}px`);
  });
  for (const name of ['pointerleave', 'pointercancel']) {
    range.addEventListener(name, () => {
      bubble.hidden = true;
    });
  }
}

function percent(part, whole) {
  return `${whole > 0 ? Math.min(100, (part / whole) * 100) : 0}%`;
}
