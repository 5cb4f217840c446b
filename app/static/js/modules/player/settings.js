/** The three menus: speed, captions, and quality with going on to the next lesson. */

import { RATES } from './choices.js';
import { phrase } from './config.js';
import { Menu } from './menus.js';

/** Wire the menus to the player's choices. */
export function initSettings(player) {
  const { choices } = player;
  const menus = {
    speed: new Menu(player, 'speed', () => [speeds(player)], (rate) => choices.setRate(rate)),
    captions: new Menu(player, 'captions', () => [captions(player)], (language) =>
      choices.setCaptions(language),
    ),
    quality: new Menu(
      player,
      'quality',
      () => [qualities(player), goingOn(player)],
      (value, group) => (group === 0 ? choices.setQuality(value) : choices.setGoesOn(!choices.goesOn)),
    ),
  };
  const update = () => {
    const speed = `${choices.rate}×`;
    player.part('speed-value').textContent = speed;
    player.part('speed-button').setAttribute('aria-label', `${player.config.strings.speed} ${speed}`);
    menus.captions.offer(choices.captionTracks.length > 0);
    player.part('captions-button').dataset.on = String(choices.hasCaptionsOn);
    for (const menu of Object.values(menus)) menu.refresh();
  };
  choices.addEventListener('change', update);
  player.addEventListener('state', update);
  update();
  return menus;
}

function speeds({ choices, config }) {
  const items = RATES.map((rate) => ({
    label: rate === 1 ? config.strings.normalSpeed : `${rate}×`,
    value: rate,
    isChecked: choices.rate === rate,
  }));
  return { label: config.strings.speed, kind: 'radio', items };
}

function captions({ choices, config }) {
  const shown = choices.hasCaptionsOn ? choices.captionTrack?.language : '';
  const tracks = choices.captionTracks.map(({ label, language }) => ({
    label: label || language,
    value: language,
    isChecked: shown === language,
  }));
  const off = { label: config.strings.captionsOff, value: '', isChecked: shown === '' };
  return { label: config.strings.captions, kind: 'radio', items: [off, ...tracks] };
}

function qualities({ choices, config, engine }) {
  const { strings } = config;
  const isAuto = choices.quality === 'auto';
  const height = engine?.height ?? 0;
  const auto = isAuto && height ? phrase(strings.autoNow, { lines: height }) : strings.auto;
  const rungs = (engine?.rungs ?? []).map(({ value, lines, savesData }) => ({
    label: phrase(savesData ? strings.linesSaving : strings.lines, { lines }),
    value,
    isChecked: choices.quality === value,
  }));
  const sound = { label: strings.soundOnly, value: 'audio', isChecked: choices.isListening };
  const items = [{ label: auto, value: 'auto', isChecked: isAuto }, ...rungs, sound];
  return { label: strings.quality, kind: 'radio', items };
}

function goingOn({ choices, config }) {
  const item = { label: config.strings.goOn, value: 'on', isChecked: choices.goesOn };
  return { label: config.strings.atTheEnd, kind: 'checkbox', items: [item] };
}
