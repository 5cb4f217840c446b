/** What the viewer chose last time, kept in this browser. Storage may be refused; then nothing is kept. */

const PREFIX = 'player.';

/** Return the stored value of `name`, or `fallback`. */
export function recall(name, fallback) {
  try {
    const text = localStorage.getItem(PREFIX + name);
    return text === null ? fallback : JSON.parse(text);
  } catch {
    return fallback;
  }
}

/** Keep `value` under `name`. */
export function remember(name, value) {
  try {
    localStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    // Private windows and full disks refuse; the choice then lasts as long as the page.
  }
}
