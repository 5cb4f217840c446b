/** What was written and not saved, kept in this browser until it is. */

export class Draft {
  #key;

  constructor(url) {
    this.#key = `captions:${url}`;
  }

  /** Return {text, version} or null. */
  recall() {
    try {
      return JSON.parse(localStorage.getItem(this.#key));
    } catch {
      return null;
    }
  }

  /** Keep a text. Returns whether there was room for it. */
  keep(text, version) {
    try {
      localStorage.setItem(this.#key, JSON.stringify({ text, version }));
      return true;
    } catch {
      return false;
    }
  }

  forget() {
    try {
      localStorage.removeItem(this.#key);
    } catch {
      // Nothing was kept, then.
    }
  }
}
