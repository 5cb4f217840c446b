/** Short words over the picture: what a key did, and where watching was resumed. */

import { phrase } from './config.js';
import { clock } from './time.js';

const FLASH_MS = 900;
const TOAST_MS = 8000;
const timers = new WeakMap();

/** Show a word for a moment, and tell it to screen readers. */
export function say(player, text) {
  const flash = player.part('flash');
  flash.textContent = text;
  flash.dataset.shown = 'true';
  clearTimeout(timers.get(flash));
  timers.set(
    flash,
    setTimeout(() => {
      flash.dataset.shown = 'false';
      flash.textContent = '';
    }, FLASH_MS),
  );
}

/** "Resumed at 12:34" with a way back to the start. */
export function initResumed(player) {
  const toast = player.part('toast');
  const hide = () => {
    toast.hidden = true;
  };
  let timer = 0;
  const hideSoon = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      if (toast.matches(':hover, :focus-within')) hideSoon();
      else hide();
    }, TOAST_MS);
  };
  player.addEventListener('resumed', (event) => {
    const text = phrase(player.config.strings.resumedAt, { time: clock(event.detail) });
    player.part('toast-text').textContent = text;
    toast.hidden = false;
    hideSoon();
  });
  player.part('start-over').addEventListener('click', () => {
    hide();
    player.seekTo(0);
    player.root.focus({ preventScroll: true });
  });
  player.addEventListener('lesson', hide);
  player.addEventListener('state', () => {
    if (player.state === 'over' || player.state === 'trouble') hide();
  });
}
