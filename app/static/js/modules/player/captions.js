/**
 * Draws the captions in an element of ours: above the controls, in the element that goes full
 * screen, and where the watermark can keep clear of them.
 */

/** Draw the cues of whichever track is loaded; say where they stand by `player:captions`. */
export function initCaptions(player) {
  const { video, choices, root } = player;
  const box = player.part('captions');
  let track = null;

  const draw = () => {
    const cues = choices.hasCaptionsOn && !choices.isListening ? [...(track?.activeCues ?? [])] : [];
    box.replaceChildren(...cues.map(drawCue));
    box.hidden = cues.length === 0;
    box.lang = track?.language ?? '';
    root.dispatchEvent(new CustomEvent('player:captions'));
  };
  const bind = () => {
    const loaded = loadedTrack(video);
    if (loaded !== track) {
      track?.removeEventListener('cuechange', draw);
      track = loaded;
      track?.addEventListener('cuechange', draw);
    }
    // The browser must not draw them a second time.
    if (track?.mode === 'showing') track.mode = 'hidden';
    draw();
  };
  for (const name of ['addtrack', 'removetrack', 'change']) {
    video.textTracks.addEventListener(name, bind);
  }
  choices.addEventListener('change', bind);
}

/** Return the text track whose cues are being loaded, or null. */
export function loadedTrack(video) {
  const isText = (track) => track.kind === 'subtitles' || track.kind === 'captions';
  return [...video.textTracks].find((track) => isText(track) && track.mode !== 'disabled') ?? null;
}

/** Return a cue's words without its markup. */
export function cueText(cue) {
  return (cue.getCueAsHTML?.().textContent ?? cue.text).trim();
}

function drawCue(cue) {
  const line = document.createElement('p');
  const text = document.createElement('span');
  text.textContent = cueText(cue);
  line.append(text);
  return line;
}
