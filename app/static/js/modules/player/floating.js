/**
 * Picture in picture by a window of our own (Document Picture-in-Picture): the whole player moves
 * into it, so the watermark goes along. The video's own picture in picture would leave it behind,
 * so it is switched off and the button is hidden where only that exists.
 */

import { label } from './labels.js';

const WIDTH = 480;

export function canFloat() {
  return 'documentPictureInPicture' in window;
}

/** Move the player into a floating window, or back. */
export async function toggleFloating(player) {
  if (!canFloat()) return;
  const open = window.documentPictureInPicture.window;
  if (open) {
    open.close();
    return;
  }
  if (document.fullscreenElement) await document.exitFullscreen();
  const height = Math.round((WIDTH * 9) / 16);
  const floating = await window.documentPictureInPicture.requestWindow({ width: WIDTH, height });
  move(player, floating);
}

function move(player, floating) {
  const { root, config } = player;
  const target = floating.document;
  target.documentElement.lang = document.documentElement.lang;
  target.title = document.title;
  for (const sheet of document.querySelectorAll('link[rel="stylesheet"]')) {
    target.head.append(target.importNode(sheet));
  }
  const note = standIn(player, floating);
  root.replaceWith(note);
  root.dataset.floating = 'true';
  target.body.append(root);
  label(player.part('float'), config.strings.leaveFloating, true);
  root.dispatchEvent(new CustomEvent('player:moved', { detail: target }));
  floating.addEventListener('pagehide', () => {
    root.dataset.floating = 'false';
    note.replaceWith(root);
    label(player.part('float'), config.strings.float, false);
    root.dispatchEvent(new CustomEvent('player:moved', { detail: document }));
  });
}

function standIn({ config }, floating) {
  const note = document.createElement('div');
  note.className = 'player player--away';
  const text = document.createElement('p');
  text.textContent = config.strings.isFloating;
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'player__action';
  button.textContent = config.strings.bringBack;
  button.addEventListener('click', () => floating.close());
  note.append(text, button);
  return note;
}
