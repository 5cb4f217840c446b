/** Full screen of the whole player, never of the bare video: the watermark must be inside. */

/** Whether this browser, or our own page-filling mode, can fill the screen here. */
export function canFillScreen(player) {
  return player.root.ownerDocument === document;
}

export function isFillingScreen({ root }) {
  return document.fullscreenElement === root || root.dataset.fills === 'true';
}

/** Enter or leave full screen. Where an element may not (iPhone), the player fills the page. */
export async function toggleFullScreen(player) {
  const { root } = player;
  if (!canFillScreen(player)) return;
  if (document.fullscreenElement === root) {
    await document.exitFullscreen();
  } else if (root.dataset.fills === 'true' || !root.requestFullscreen) {
    fillPage(player, root.dataset.fills !== 'true');
  } else {
    await root.requestFullscreen({ navigationUI: 'hide' }).catch(() => fillPage(player, true));
  }
}

/** Leave the page-filling mode; real full screen leaves by itself. Returns whether it was on. */
export function leavePageFilling(player) {
  if (player.root.dataset.fills !== 'true') return false;
  fillPage(player, false);
  return true;
}

/** Watch for changes, and for a bare video made full screen by other means. */
export function initFullScreen(player) {
  document.addEventListener('fullscreenchange', async () => {
    if (document.fullscreenElement === player.video) {
      player.pause();
      await document.exitFullscreen();
    }
    tell(player);
  });
  const orientation = screen.orientation;
  player.root.addEventListener('player:fullscreen', () => {
    if (!isFillingScreen(player)) return;
    // Phones turn the picture; where a lock is not allowed nothing is lost.
    orientation?.lock?.('landscape').catch(() => {});
  });
}

function fillPage(player, isOn) {
  player.root.dataset.fills = String(isOn);
  document.documentElement.toggleAttribute('data-filled', isOn);
  tell(player);
}

function tell(player) {
  player.root.dispatchEvent(new CustomEvent('player:fullscreen'));
}
