/** What lies over the picture: the start button, the wait, a message, the list of devices. */

import { explain } from './messages.js';
import { phrase } from './config.js';

const WAIT_MS = 350;

/** Show the panel that the player's state asks for. */
export function initPanels(player) {
  const { root } = player;
  initWait(player);
  player.part('message-action').addEventListener('click', (event) => act(player, event.target));
  const update = () => {
    const error = player.state === 'over' ? overOf(player.detail) : player.detail;
    const isLimit = player.state === 'trouble' && error.code === 'STREAM_LIMIT';
    const hadFocus = root.contains(root.ownerDocument.activeElement);
    player.part('start-panel').hidden = player.state !== 'idle';
    player.part('limit-panel').hidden = !isLimit;
    player.part('message-panel').hidden = !error || isLimit;
    player.part('bar').inert = Boolean(error);
    player.part('cover').hidden = player.engine !== null && !player.choices.isListening;
    if (isLimit) showDevices(player, error);
    else if (error) showMessage(player, error);
    if (hadFocus) moveFocus(root, Boolean(error));
  };
  player.addEventListener('state', update);
  player.choices.addEventListener('change', update);
  update();
}

/** Where the focus goes when what held it is hidden: to the offered step, else to the player. */
function moveFocus(root, isAsked) {
  const step = isAsked && root.querySelector('.player__panel:not([hidden]) :is(button, a):not([hidden])');
  const focused = root.ownerDocument.activeElement;
  if (step) step.focus();
  else if (!root.contains(focused) || focused.checkVisibility?.() === false) {
    root.focus({ preventScroll: true });
  }
}

function overOf({ reason, detail }) {
  return { code: reason, status: 410, detail };
}

/** A spinner, but only for waits that are felt. */
function initWait(player) {
  const { video, root } = player;
  let timer = 0;
  const wait = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      root.dataset.waiting = 'true';
    }, WAIT_MS);
  };
  const done = () => {
    clearTimeout(timer);
    root.dataset.waiting = 'false';
  };
  video.addEventListener('waiting', wait);
  for (const name of ['playing', 'seeked', 'canplay', 'pause', 'ended']) {
    video.addEventListener(name, done);
  }
  player.addEventListener('state', () => (player.state === 'starting' ? wait() : done()));
}

function showMessage(player, error) {
  const { title, text, step, isNetwork } = explain(error, player.config);
  const { urls, strings } = player.config;
  player.part('message-title').textContent = title;
  player.part('message-text').textContent = text;
  const action = player.part('message-action');
  const labels = { retry: strings.tryAgain, 'watch-here': strings.watchHere };
  action.dataset.step = step;
  action.hidden = !(step in labels);
  action.textContent = isNetwork ? strings.reconnect : (labels[step] ?? '');
  const link = player.part('message-link');
  const links = {
    'sign-in': [urls.signIn, strings.signIn],
    course: [urls.course, strings.openCourse],
  };
  link.hidden = !(step in links);
  if (step in links) [link.href, link.textContent] = links[step];
}

function act(player, { dataset }) {
  player.root.focus({ preventScroll: true });
  if (dataset.step === 'watch-here') player.start({ position: player.position || null });
  else player.recovery.reconnect();
}

function showDevices(player, { problem }) {
  const { strings } = player.config;
  const items = (problem?.sessions ?? []).map((session) => drawDevice(player, session));
  player.part('devices').replaceChildren(...items);
  const values = { count: items.length };
  player.part('limit-text').textContent = phrase(strings.streamLimit, values);
}

function drawDevice(player, session) {
  const { strings } = player.config;
  const item = document.createElement('li');
  const words = document.createElement('span');
  const device = document.createElement('strong');
  device.textContent = session.device;
  words.append(device, document.createElement('br'), session.lesson_title);
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'player__action';
  button.textContent = strings.watchHere;
  button.setAttribute('aria-label', phrase(strings.watchInsteadOf, { device: session.device }));
  button.addEventListener('click', () => {
    player.root.focus({ preventScroll: true });
    player.start({ replace: session.id, position: player.position || null });
  });
  item.append(words, button);
  return item;
}
