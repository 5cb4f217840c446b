/** WebVTT as the server keeps it, read into cues and written again. Times are seconds. */

const TIMING = /^(?:(\d{2,}):)?([0-5]\d):([0-5]\d\.\d{3}) --> (?:(\d{2,}):)?([0-5]\d):([0-5]\d\.\d{3})(.*)$/;
const CLOCK = /^(?:(?:(\d+):)?([0-5]?\d):)?(\d{1,5}(?:[.,]\d{1,3})?)$/;

/** Return the cues of a WebVTT text: {id, start, end, settings, text}. */
export function parse(text) {
  const cues = [];
  for (const block of text.replace(/\r\n?/g, '\n').split(/\n{2,}/)) {
    const lines = block.split('\n');
    const at = lines.findIndex((line) => TIMING.test(line));
    if (at < 0) continue;
    const [, h1, m1, s1, h2, m2, s2, settings] = TIMING.exec(lines[at]);
    cues.push({
      id: at > 0 && !lines[at - 1].startsWith('WEBVTT') ? lines[at - 1] : '',
      start: seconds(h1, m1, s1),
      end: seconds(h2, m2, s2),
      settings: settings.trim(),
      text: lines.slice(at + 1).join('\n').trim(),
    });
  }
  return cues;
}

/** Return cues, in order of time, as a WebVTT text; those that say nothing are left out. */
export function write(cues) {
  const told = cues.filter((cue) => cue.text.trim());
  const blocks = told
    .toSorted((a, b) => a.start - b.start || a.end - b.end)
    .map((cue) => {
      const timing = `${stamp(cue.start)} --> ${stamp(cue.end)} ${cue.settings}`.trimEnd();
      return [...(cue.id ? [cue.id] : []), timing, oneBlock(cue.text)].join('\n');
    });
  return `${['WEBVTT', ...blocks].join('\n\n')}\n`;
}

/** Return a time as people write it: 1:02.500 or 1:00:02.500. */
export function show(time) {
  const [hours, minutes, rest] = stamp(time).split(':');
  return Number(hours) ? `${Number(hours)}:${minutes}:${rest}` : `${Number(minutes)}:${rest}`;
}

/** Return the seconds of a written time, or null where it is none. */
export function read(text) {
  const found = CLOCK.exec(text.trim());
  if (!found) return null;
  return seconds(found[1], found[2], found[3].replace(',', '.'));
}

function seconds(hours, minutes, rest) {
  const whole = Number(hours ?? 0) * 3600 + Number(minutes ?? 0) * 60 + Number(rest);
  return Math.round(whole * 1000) / 1000;
}

function stamp(time) {
  const thousandths = Math.max(0, Math.round(time * 1000));
  const pad = (number, length = 2) => String(number).padStart(length, '0');
  const rest = Math.floor(thousandths / 1000);
  const parts = [Math.floor(rest / 3600), Math.floor(rest / 60) % 60, rest % 60];
  return `${parts.map((part) => pad(part)).join(':')}.${pad(thousandths % 1000, 3)}`;
}

/** An empty line would end the cue and an arrow begin another. */
function oneBlock(text) {
  const lines = text.split('\n').map((line) => line.trimEnd());
  return lines.filter(Boolean).join('\n').replaceAll('-->', '→');
}
