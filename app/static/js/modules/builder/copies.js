// Copies of what was written and is not saved yet, kept in this browser. Each tab has its own, so
// two tabs never overwrite each other's; what a closed tab left behind is adopted by the next one.
const PREFIX = 'builder';
const MONTH_MS = 30 * 24 * 3600 * 1000;
const TAB = Math.random().toString(36).slice(2);

// A living tab holds a lock of its name. Where locks are missing (plain http), none counts as alive.
if (navigator.locks) {
  navigator.locks.request(`${PREFIX}:${TAB}`, () => new Promise(() => {})).catch(() => {});
}

async function livingTabs() {
  if (!navigator.locks) return new Set();
  const { held } = await navigator.locks.query();
  return new Set(held.map((lock) => lock.name.split(':')[1]));
}

function read(key) {
  try {
    return JSON.parse(localStorage.getItem(key));
  } catch {
    return null;
  }
}

function keysWith(prefix) {
  try {
    return Object.keys(localStorage).filter((key) => key.startsWith(prefix));
  } catch {
    return [];
  }
}

/** The copies of one thing (`path` is its address in the API) that one person edits. */
export class Copies {
  constructor(person, path) {
    this.stem = `${PREFIX}:${person}:${path}:`;
    this.key = this.stem + TAB;
  }

  /** Keep `fields` ({name: {mine, seen}}); return whether the browser took them. */
  keep(fields) {
    try {
      localStorage.setItem(this.key, JSON.stringify({ at: Date.now(), fields }));
      return true;
    } catch {
      return false;
    }
  }

  clear() {
    try {
      localStorage.removeItem(this.key);
    } catch {
      // Storage may be refused; nothing was kept then.
    }
  }

  /** Return what closed tabs left behind, oldest first, and take it over. */
  async adopt() {
    forgetOld();
    const alive = await livingTabs();
    const left = keysWith(this.stem).filter((key) => {
      const tab = key.slice(this.stem.length);
      return tab === TAB || !alive.has(tab);
    });
    const found = left.map((key) => ({ key, copy: read(key) })).filter(({ copy }) => copy?.fields);
    found.sort((one, other) => one.copy.at - other.copy.at);
    return found.map(({ key, copy }) => ({
      ...copy,
      forget: () => {
        if (key !== this.key) localStorage.removeItem(key);
      },
    }));
  }
}

function forgetOld() {
  for (const key of keysWith(`${PREFIX}:`)) {
    if (!(Date.now() - (read(key)?.at ?? 0) < MONTH_MS)) localStorage.removeItem(key);
  }
}
