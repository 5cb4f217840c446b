/** The lesson player: builds the parts around one `[data-module="player"]` element. */

import { initCaptions } from './player/captions.js';
import { initControls } from './player/controls.js';
import { loadLibrary } from './player/engine.js';
import { initFullScreen } from './player/fullscreen.js';
import { initHelp } from './player/help.js';
import { initKeyboard } from './player/keyboard.js';
import { initMediaSession } from './player/media-session.js';
import { initNavigation } from './player/navigation.js';
import { initNext } from './player/next.js';
import { initResumed } from './player/notices.js';
import { initOutline } from './player/outline.js';
import { initPanels } from './player/panels.js';
import { Player } from './player/player.js';
import { initQuiet } from './player/quiet.js';
import { initScrubber } from './player/scrubber.js';
import { initSettings } from './player/settings.js';
import { initTheatre } from './player/theatre.js';
import { initTranscript } from './player/transcript.js';
import { guardWatermark } from './player/watermark-guard.js';
import { Watermark } from './player/watermark.js';

export function init(root) {
  const player = new Player(root);
  initWatermark(player);
  initPanels(player);
  initControls(player);
  initScrubber(player);
  initSettings(player);
  initCaptions(player);
  initTranscript(player);
  initFullScreen(player);
  initTheatre(player);
  initHelp(player);
  initResumed(player);
  initOutline(player);
  initNavigation();
  const next = initNext(player);
  initKeyboard(player, next);
  initMediaSession(player, next);
  initQuiet(player);
  fetchEarly(root);
  root.dataset.ready = 'true';
  if (player.part('start').dataset.early === 'pressed') player.play();
}

function initWatermark(player) {
  const watermark = new Watermark(player);
  const watch = guardWatermark(player, watermark);
  player.session.addEventListener('opened', () => {
    watermark.show(player.session.details.watermark);
    watch();
  });
  player.session.addEventListener('ended', () => {
    watermark.hide();
    watch();
  });
}

/** hls.js is not part of the page's first load; a hand that nears the player is a good moment. */
function fetchEarly(root) {
  const fetch = () => loadLibrary().catch(() => {});
  for (const name of ['pointerenter', 'focusin', 'touchstart']) {
    root.addEventListener(name, fetch, { once: true, passive: true });
  }
}
