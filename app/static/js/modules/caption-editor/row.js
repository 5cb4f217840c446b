/** One cue as a row of fields: its times, its words, and what can be done with it. */

import { phrase } from '../player/config.js';
import { read, show } from './webvtt.js';

/**
 * Events of `element` (bubbling): `cue:changed`, and `cue:act` with {act, row} where act is `play`,
 * `add`, `split` or `remove`.
 */
export class Row {
  #fields;

  constructor(template, cue) {
    this.cue = cue;
    this.element = template.content.firstElementChild.cloneNode(true);
    const find = (name) => this.element.querySelector(`[data-part="${name}"]`);
    this.#fields = { start: find('start'), end: find('end'), text: find('text') };
    this.fault = find('fault');
    this.#fill();
    for (const name of ['start', 'end']) {
      this.#fields[name].addEventListener('input', () => this.#readTime(name));
      this.#fields[name].addEventListener('change', () => this.#tidy(name));
    }
    this.#fields.text.addEventListener('input', () => {
      this.cue.text = this.#fields.text.value;
      this.#tell('cue:changed');
    });
    this.element.addEventListener('click', (event) => {
      const act = event.target.closest('[data-act]')?.dataset.act;
      if (act) this.#tell('cue:act', { act, row: this });
    });
  }

  /** Where the words would be cut: at the caret, or in the middle where it says nothing. */
  get caret() {
    const { selectionStart } = this.#fields.text;
    const { length } = this.cue.text;
    if (selectionStart > 0 && selectionStart < length) return selectionStart;
    const space = this.cue.text.indexOf(' ', Math.floor(length / 2));
    return space > 0 ? space : Math.floor(length / 2);
  }

  /** Show what the cue has become. */
  refresh() {
    this.#fill();
    this.#tell('cue:changed');
  }

  focus() {
    this.#fields.text.focus();
  }

  setCurrent(isCurrent) {
    this.element.toggleAttribute('data-current', isCurrent);
  }

  /** Return whether the times make sense, marking the field where they do not. */
  check(words) {
    const [start, end] = [read(this.#fields.start.value), read(this.#fields.end.value)];
    let fault = '';
    if (start === null || end === null) fault = words.noTime;
    else if (end <= start) fault = words.endsBefore;
    this.#fields.start.toggleAttribute('aria-invalid', start === null);
    this.#fields.end.toggleAttribute('aria-invalid', start !== null && fault !== '');
    this.fault.textContent = fault;
    this.fault.hidden = !fault;
    return !fault;
  }

  focusFault() {
    this.element.querySelector('[aria-invalid]')?.focus();
  }

  /** Give every control a name that says which cue it is of. */
  number(index, words) {
    const values = { n: index + 1 };
    for (const control of this.element.querySelectorAll('[data-label]')) {
      control.setAttribute('aria-label', phrase(words[control.dataset.label], values));
      if (control.localName === 'button') control.title = words[control.dataset.title];
    }
  }

  #fill() {
    this.#fields.start.value = show(this.cue.start);
    this.#fields.end.value = show(this.cue.end);
    this.#fields.text.value = this.cue.text;
  }

  #readTime(name) {
    const time = read(this.#fields[name].value);
    if (time !== null) this.cue[name] = time;
    this.#tell('cue:changed');
  }

  #tidy(name) {
    const time = read(this.#fields[name].value);
    if (time !== null) this.#fields[name].value = show(time);
  }

  #tell(name, detail = null) {
    this.element.dispatchEvent(new CustomEvent(name, { bubbles: true, detail }));
  }
}
