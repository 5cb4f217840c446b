/** Tells the system what plays, for lock screens and media keys. */

const JUMP_SECONDS = 10;

/** Name the lesson and answer the system's buttons. */
export function initMediaSession(player, next) {
  const { mediaSession } = navigator;
  if (!mediaSession) return;
  const actions = {
    play: () => player.play(),
    pause: () => player.pause(),
    seekbackward: ({ seekOffset }) => player.seekBy(-(seekOffset || JUMP_SECONDS)),
    seekforward: ({ seekOffset }) => player.seekBy(seekOffset || JUMP_SECONDS),
    seekto: ({ seekTime }) => player.seekTo(seekTime),
    nexttrack: () => next.forward(),
    previoustrack: () => next.backward(),
  };
  player.video.addEventListener('play', () => {
    const { lesson: title, course: album } = player.config.titles;
    mediaSession.metadata = new MediaMetadata({ title, album });
    for (const [action, answer] of Object.entries(actions)) {
      try {
        mediaSession.setActionHandler(action, answer);
      } catch {
        // A system without this button.
      }
    }
  });
}
