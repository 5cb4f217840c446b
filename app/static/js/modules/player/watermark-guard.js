/**
 * Restores a watermark that a script removed, hid or altered; when it does not stay, playback
 * pauses and the heartbeat tells the server.
 */

const CHECK_MS = 1000;
const FIGHT_MS = 10_000;
const FIGHT_LIMIT = 5;

/** Guard `watermark` while the player lives. */
export function guardWatermark(player, watermark) {
  let restored = [];
  const observer = new MutationObserver(() => check());

  const watch = () => {
    observer.disconnect();
    observer.observe(player.root, { childList: true });
    if (watermark.element) {
      observer.observe(watermark.element, {
        attributes: true,
        characterData: true,
        childList: true,
        subtree: true,
      });
    }
  };
  const giveUp = () => {
    player.isWatermarkHidden = true;
    if (player.isPlaying) {
      player.fail({ code: 'WATERMARK_HIDDEN', status: 0 });
      player.heartbeat.beat();
    }
  };
  const check = () => {
    if (watermark.isIntact()) return;
    const now = Date.now();
    restored = [...restored.filter((at) => now - at < FIGHT_MS), now];
    if (restored.length > FIGHT_LIMIT) {
      giveUp();
      return;
    }
    observer.disconnect();
    watermark.redraw();
    watch();
    if (!watermark.isIntact()) giveUp();
  };

  player.video.addEventListener('play', () => {
    player.isWatermarkHidden = false;
    check();
  });
  setInterval(() => {
    if (player.isPlaying) check();
  }, CHECK_MS);
  return watch;
}
