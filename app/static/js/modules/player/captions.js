/**
 * Draws the captions in an element of ours: above the controls, in the element that goes full
 * screen, and where the watermark can keep clear of them.
 */

/** Draw the cues of whichever track is loaded; say where they stand by `player:captions`. */
export function initCaptions(player) {
  const { choices, root } = player;
  const box = player.part('captions');
  let track = null;

  const draw = () => {
    const isOn = choices.hasCaptionsOn && !choices.isListening;
    const cues = isOn ? [...(track?.activeCues ?? [])] : [];
    box.replaceChildren(...cues.map(drawCue));
    box.hidden = cues.length === 0;
    box.lang = choices.captionTrack?.language ?? '';
    root.dispatchEvent(new CustomEvent('player:captions'));
  };
  const bind = () => {
    const loaded = player.engine?.textTrack ?? null;
    if (loaded !== track) {
      track?.removeEventListener('cuechange', draw);
      track = loaded;
      track?.addEventListener('cuechange', draw);
    }
    draw();
  };
  choices.addEventListener('change', bind);
  player.addEventListener('state', bind);
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
