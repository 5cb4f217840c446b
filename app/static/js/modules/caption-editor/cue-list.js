/** The rows of all cues: adding, splitting, removing, taking back, and which one is being said. */

import { Row } from './row.js';

const NEW_SECONDS = 2;
const MIN_SECONDS = 0.2;

/** Events of the list's element: `cues:changed`, `cue:play` ({row}), `cue:removed` ({row}). */
export class CueList {
  #element;
  #template;
  #words;
  #rows = [];
  #current = null;

  constructor(element, template, words) {
    this.#element = element;
    this.#template = template;
    this.#words = words;
    element.addEventListener('cue:changed', () => this.#tell('cues:changed'));
    element.addEventListener('cue:act', ({ detail: { act, row } }) => this.#do(act, row));
  }

  get cues() {
    return this.#rows.map((row) => row.cue);
  }

  fill(cues) {
    this.#rows = cues.map((cue) => this.#make(cue));
    this.#element.replaceChildren(...this.#rows.map((row) => row.element));
    this.#renumber();
  }

  /** Add an empty cue where `time` falls, and put the cursor into it. */
  addAt(time) {
    const after = this.#rows.findLastIndex((row) => row.cue.start <= time);
    const cue = { id: '', start: time, end: time + NEW_SECONDS, settings: '', text: '' };
    this.insert(after + 1, cue).focus();
  }

  insert(index, cue) {
    const row = this.#make(cue);
    this.#element.insertBefore(row.element, this.#rows[index]?.element ?? null);
    this.#rows.splice(index, 0, row);
    this.#renumber();
    this.#tell('cues:changed');
    return row;
  }

  /** Return whether every cue can be saved; the first that cannot gets the focus. */
  check() {
    const wrong = this.#rows.filter((row) => !row.check(this.#words));
    wrong[0]?.focusFault();
    return wrong.length === 0;
  }

  /** Mark the cue that is said at `time`; scroll to it while the video plays. */
  follow(time, isPlaying) {
    const row = this.#rows.find(({ cue }) => cue.start <= time && time < cue.end) ?? null;
    if (row === this.#current) return;
    this.#current?.setCurrent(false);
    this.#current = row;
    row?.setCurrent(true);
    const isWriting = this.#element.contains(document.activeElement);
    if (row && isPlaying && !isWriting) row.element.scrollIntoView({ block: 'nearest' });
  }

  #make(cue) {
    return new Row(this.#template, cue);
  }

  #do(act, row) {
    const index = this.#rows.indexOf(row);
    if (act === 'play') this.#tell('cue:play', { row });
    else if (act === 'add') this.#addAfter(index);
    else if (act === 'split') this.#split(index);
    else if (act === 'remove') this.#remove(index);
  }

  #addAfter(index) {
    const start = this.#rows[index].cue.end;
    const next = this.#rows[index + 1]?.cue.start ?? Infinity;
    const end = Math.max(start + MIN_SECONDS, Math.min(start + NEW_SECONDS, next));
    this.insert(index + 1, { id: '', start, end, settings: '', text: '' }).focus();
  }

  #split(index) {
    const row = this.#rows[index];
    const { cue, caret } = row;
    const share = cue.text.length ? caret / cue.text.length : 0.5;
    const middle = Math.round((cue.start + (cue.end - cue.start) * share) * 1000) / 1000;
    const rest = { ...cue, id: '', start: middle, text: cue.text.slice(caret).trim() };
    Object.assign(cue, { end: middle, text: cue.text.slice(0, caret).trim() });
    row.refresh();
    this.insert(index + 1, rest).focus();
  }

  #remove(index) {
    const [row] = this.#rows.splice(index, 1);
    row.element.remove();
    this.#renumber();
    (this.#rows[index] ?? this.#rows[index - 1])?.focus();
    this.#tell('cues:changed');
    this.#tell('cue:removed', { index, cue: row.cue });
  }

  #renumber() {
    this.#rows.forEach((row, index) => row.number(index, this.#words));
  }

  #tell(name, detail = null) {
    this.#element.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
