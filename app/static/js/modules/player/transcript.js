/** The transcript beside the film: the line being spoken is marked, and a line is a way there. */

import { cueText } from './captions.js';
import { clock } from './time.js';

/** Follow the film in the page's transcript; fill it from the captions where the page has none. */
export function initTranscript(player) {
  const { video } = player;
  let spoken = null;

  const follow = () => {
    const list = find();
    if (!list) return;
    const now = video.currentTime + 0.05;
    const line = [...list.querySelectorAll('[data-seconds]')].findLast(
      (item) => Number(item.dataset.seconds) <= now,
    );
    if (line === spoken) return;
    spoken?.removeAttribute('aria-current');
    spoken = line ?? null;
    spoken?.setAttribute('aria-current', 'true');
    keepInSight(list, spoken);
  };
  document.addEventListener('click', (event) => {
    const line = event.target.closest?.('[data-part="transcript"] [data-seconds]');
    if (!line) return;
    event.preventDefault();
    goTo(player, Number(line.dataset.seconds));
  });
  video.addEventListener('timeupdate', follow);
  player.choices.addEventListener('change', () => fillFromCues(player));
}

function find() {
  return document.querySelector('[data-part="transcript"]');
}

async function goTo(player, seconds) {
  if (player.engine) player.seekTo(seconds);
  else await player.start({ position: seconds });
  player.root.scrollIntoView({ block: 'nearest' });
}

function fillFromCues({ engine, choices }) {
  const list = find();
  const cues = [...(engine?.textTrack?.cues ?? [])];
  const source = `${choices.captionTrack?.language} ${cues.length}`;
  if (!list || !cues.length || list.dataset.source === 'page' || list.dataset.source === source) return;
  list.dataset.source = source;
  list.replaceChildren(...cues.map(drawLine));
}

function drawLine(cue) {
  const item = document.createElement('li');
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'transcript__line';
  button.dataset.seconds = String(cue.startTime);
  const time = document.createElement('span');
  time.className = 'transcript__time';
  time.textContent = clock(cue.startTime);
  const text = document.createElement('span');
  text.textContent = cueText(cue).replaceAll('\n', ' ');
  button.append(time, text);
  item.append(button);
  return item;
}

/** Scroll the list, never the page, and not under the reader's hand. */
function keepInSight(list, line) {
  if (!line || list.matches(':hover, :focus-within')) return;
  const top = line.offsetTop - list.offsetTop;
  const isOut = top < list.scrollTop || top + line.offsetHeight > list.scrollTop + list.clientHeight;
  if (isOut) list.scrollTop = top - list.clientHeight / 3;
}
