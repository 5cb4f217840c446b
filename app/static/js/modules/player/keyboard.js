/** Keys of the player. Off while typing, and never in the way of a focused button, tab or slider. */

import { toggleMute } from './controls.js';
import { toggleFloating } from './floating.js';
import { isFillingScreen, leavePageFilling, toggleFullScreen } from './fullscreen.js';
import { openHelp, worksEverywhere } from './help.js';
import { say } from './notices.js';
import { toggleTheatre } from './theatre.js';

const TYPING =
  'textarea, select, [contenteditable]:not([contenteditable="false"]), ' +
  'input:not([type="range"], [type="checkbox"], [type="radio"], [type="button"], [type="submit"])';
const PRESSED_BY_SPACE = 'button, a[href], summary, input:not([type="range"])';
const MOVED_BY_ARROWS = '[role="tab"], [role^="menuitem"], input, dialog[open]';
const SCROLLS_PAGE = new Set(['ArrowUp', 'ArrowDown', 'Home', 'End']);
const ONCE = new Set([' ', 'k', 'm', 'f', 't', 'c', 'i', '?', 'N', 'P']);
const VOLUME_STEP = 0.05;

/** Listen wherever the player is: in the page or in a floating window. */
export function initKeyboard(player, next) {
  const actions = actionsOf(player, next);
  const press = (event) => {
    const key = event.key.length === 1 && !event.shiftKey ? event.key.toLowerCase() : event.key;
    const action = actions[key];
    if (!action || !mayAct(player, event, key)) return;
    if (action() !== false) event.preventDefault();
  };
  document.addEventListener('keydown', press);
  player.root.addEventListener('player:moved', (event) => {
    if (event.detail !== document) event.detail.addEventListener('keydown', press);
  });
}

function mayAct(player, event, key) {
  if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey) return false;
  if (event.repeat && ONCE.has(key)) return false;
  const { target } = event;
  if (target.closest(TYPING) || player.root.querySelector('dialog[open]')) return false;
  const isInside = player.root.contains(target) || isFillingScreen(player);
  if (key === ' ' && target.closest(PRESSED_BY_SPACE)) return false;
  const isArrow = key.startsWith('Arrow') || key === 'Home' || key === 'End';
  if (isArrow && target.closest(MOVED_BY_ARROWS)) return false;
  if (SCROLLS_PAGE.has(key) || key === 'Escape') return isInside;
  return isInside || (worksEverywhere() && !target.closest('dialog[open], [popover]'));
}

function actionsOf(player, next) {
  const { choices } = player;
  const digits = Object.fromEntries(
    Array.from({ length: 10 }, (_, digit) => [String(digit), () => toShare(player, digit / 10)]),
  );
  return {
    ...digits,
    ' ': () => player.toggle(),
    k: () => player.toggle(),
    j: () => jump(player, -10),
    l: () => jump(player, 10),
    ArrowLeft: () => jump(player, -5),
    ArrowRight: () => jump(player, 5),
    ArrowUp: () => changeVolume(player, VOLUME_STEP),
    ArrowDown: () => changeVolume(player, -VOLUME_STEP),
    Home: () => player.seekTo(0),
    End: () => player.seekTo(player.duration),
    m: () => toggleMute(player),
    f: () => toggleFullScreen(player),
    t: () => toggleTheatre(player),
    i: () => toggleFloating(player),
    c: () => toggleCaptions(player),
    '<': () => changeRate(player, () => choices.stepRate(-1)),
    '>': () => changeRate(player, () => choices.stepRate(1)),
    N: () => next.forward(),
    P: () => next.backward(),
    '?': () => openHelp(player),
    Escape: () => next.cancel() || leavePageFilling(player),
  };
}

function toShare(player, share) {
  player.seekTo(player.duration * share);
}

function jump(player, seconds) {
  if (!player.engine) return;
  player.seekBy(seconds);
  say(player, `${seconds > 0 ? '+' : '−'}${Math.abs(seconds)} s`);
}

function changeVolume(player, step) {
  const { video } = player;
  video.volume = Math.round(Math.min(1, Math.max(0, video.volume + step)) * 100) / 100;
  video.muted = video.volume === 0;
  say(player, `${Math.round(video.volume * 100)}%`);
}

function changeRate(player, change) {
  change();
  say(player, `${player.choices.rate}×`);
}

function toggleCaptions(player) {
  const { choices, config } = player;
  if (!choices.captionTracks.length) {
    say(player, config.strings.noCaptions);
    return;
  }
  choices.toggleCaptions();
  say(player, choices.hasCaptionsOn ? config.strings.captionsOn : config.strings.captionsOff);
}
