/** Hides the controls and the pointer while a film plays and nobody moves. */

const QUIET_MS = 3000;

/** Keep `data-quiet` on the player's element up to date. */
export function initQuiet(player) {
  const { root, video } = player;
  let timer = 0;

  const mayBeQuiet = () => {
    const focused = root.ownerDocument.activeElement;
    const isSteering = root.contains(focused) && focused !== root && focused.matches(':focus-visible');
    const hasMenu = root.querySelector('[aria-expanded="true"]') !== null;
    return player.isPlaying && player.state === 'active' && !isSteering && !hasMenu;
  };
  const hush = () => {
    clearTimeout(timer);
    if (mayBeQuiet()) root.dataset.quiet = 'true';
    else if (player.isPlaying) timer = setTimeout(hush, QUIET_MS);
  };
  const wake = () => {
    clearTimeout(timer);
    root.dataset.quiet = 'false';
    if (player.isPlaying) timer = setTimeout(hush, QUIET_MS);
  };

  root.addEventListener('pointermove', (event) => {
    if (event.pointerType !== 'touch') wake();
  });
  root.addEventListener('pointerleave', (event) => {
    if (event.pointerType === 'mouse' && mayBeQuiet()) root.dataset.quiet = 'true';
  });
  root.addEventListener('player:tap', () => {
    if (root.dataset.quiet === 'true') wake();
    else if (mayBeQuiet()) root.dataset.quiet = 'true';
  });
  for (const name of ['keydown', 'focusin']) root.addEventListener(name, wake);
  player.part('bar').addEventListener('pointerdown', wake);
  for (const name of ['play', 'pause', 'ended', 'seeking']) video.addEventListener(name, wake);
  player.addEventListener('state', wake);
  wake();
}
