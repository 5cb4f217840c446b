/** The buttons of the bar: what they do, and what they say while it holds. */

import { canFillScreen, isFillingScreen, toggleFullScreen } from './fullscreen.js';
import { canFloat, toggleFloating } from './floating.js';
import { openHelp } from './help.js';
import { label } from './labels.js';
import { toggleTheatre } from './theatre.js';

const JUMP_SECONDS = 10;

/** Wire the bar. */
export function initControls(player) {
  const actions = {
    start: () => player.play(),
    play: () => player.toggle(),
    back: () => player.seekBy(-JUMP_SECONDS),
    forward: () => player.seekBy(JUMP_SECONDS),
    mute: () => toggleMute(player),
    theatre: () => toggleTheatre(player),
    float: () => toggleFloating(player),
    'full-screen': () => toggleFullScreen(player),
    help: () => openHelp(player),
  };
  for (const [name, action] of Object.entries(actions)) {
    player.part(name)?.addEventListener('click', action);
  }
  player.part('float').hidden = !canFloat();
  player.part('full-screen').hidden = !canFillScreen(player);
  initPlay(player);
  initVolume(player);
  initPointer(player);
  initFullScreenLabel(player);
}

/** Silence or unsilence; a volume of nothing is raised so that the button never seems dead. */
export function toggleMute({ video }) {
  if (video.muted || video.volume === 0) {
    video.muted = false;
    if (video.volume === 0) video.volume = 0.5;
  } else {
    video.muted = true;
  }
}

function initPlay(player) {
  const { video, root } = player;
  const button = player.part('play');
  const update = () => {
    const { strings } = player.config;
    const isFinished = video.ended && player.engine !== null;
    root.dataset.playing = String(player.isPlaying);
    const text = isFinished ? strings.replay : strings.play;
    label(button, player.isPlaying ? strings.pause : text, player.isPlaying);
  };
  for (const name of ['play', 'pause', 'ended', 'emptied', 'seeked']) {
    video.addEventListener(name, update);
  }
  player.addEventListener('state', update);
  update();
}

function initVolume(player) {
  const { video } = player;
  const slider = player.part('volume');
  slider.addEventListener('input', () => {
    video.volume = Number(slider.value);
    video.muted = video.volume === 0;
  });
  const update = () => {
    const { strings } = player.config;
    const isSilent = video.muted || video.volume === 0;
    slider.value = String(isSilent ? 0 : video.volume);
    slider.setAttribute('aria-valuetext', `${Math.round(Number(slider.value) * 100)}%`);
    slider.style.setProperty('--share', `${Number(slider.value) * 100}%`);
    label(player.part('mute'), isSilent ? strings.unmute : strings.mute, isSilent);
  };
  video.addEventListener('volumechange', update);
  update();
}

/** A click on the picture plays and pauses; a finger shows and hides the controls instead. */
function initPointer(player) {
  const picture = player.part('picture');
  picture.addEventListener('click', (event) => {
    if (player.state !== 'active') return;
    if (event.pointerType === 'touch') {
      player.root.dispatchEvent(new CustomEvent('player:tap'));
      return;
    }
    player.root.focus({ preventScroll: true });
    player.toggle();
  });
  picture.addEventListener('dblclick', (event) => {
    if (event.pointerType !== 'touch') toggleFullScreen(player);
  });
  picture.addEventListener('contextmenu', (event) => event.preventDefault());
}

function initFullScreenLabel(player) {
  const update = () => {
    const { strings } = player.config;
    const isOn = isFillingScreen(player);
    label(player.part('full-screen'), isOn ? strings.leaveFullScreen : strings.fullScreen, isOn);
  };
  player.root.addEventListener('player:fullscreen', update);
  update();
}
