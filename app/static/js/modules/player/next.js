/** At the end of a lesson: a countdown to the next that can be cancelled, or a choice. */

import { phrase } from './config.js';
import { turnTo } from './navigation.js';

const COUNTDOWN_SECONDS = 8;

/** Wire the end panel. Returns `forward`, `backward` and `cancel` for the keys. */
export function initNext(player) {
  const panel = player.part('next-panel');
  let timer = 0;

  const stop = () => {
    clearInterval(timer);
    timer = 0;
    player.part('next-count').textContent = '';
    player.part('next-cancel').hidden = true;
  };
  const hide = () => {
    stop();
    panel.hidden = true;
  };
  const go = (href) => {
    if (!href) return false;
    hide();
    turnTo(player, href);
    return true;
  };
  const count = () => {
    let left = COUNTDOWN_SECONDS;
    const tell = () => {
      const text = phrase(player.config.strings.nextIn, { seconds: left });
      player.part('next-count').textContent = text;
    };
    tell();
    player.part('next-cancel').hidden = false;
    timer = setInterval(() => {
      left -= 1;
      if (left > 0) tell();
      else go(player.config.urls.next);
    }, 1000);
  };

  player.video.addEventListener('ended', () => {
    const { urls, titles } = player.config;
    if (player.state !== 'active' || !urls.next) return;
    panel.hidden = false;
    player.part('next-title').textContent = titles.next;
    if (player.choices.goesOn) count();
  });
  for (const name of ['play', 'seeking', 'emptied']) player.video.addEventListener(name, hide);
  player.part('next-go').addEventListener('click', () => go(player.config.urls.next));
  player.part('next-cancel').addEventListener('click', () => {
    stop();
    player.part('next-go').focus();
  });
  return {
    forward: () => go(player.config.urls.next),
    backward: () => go(player.config.urls.previous),
    cancel: () => {
      if (!timer) return false;
      stop();
      return true;
    },
  };
}
