// Saves a form while somebody writes in it. Only what changed is sent, together with the version
// it was changed on; what cannot be sent stays in the form and, as a copy, in this browser.
import { ApiError, getJson, sendJson } from '../../lib/api.js';
import { Copies } from './copies.js';
import { fieldsOf, isSame, saysTheSame } from './fields.js';

const PAUSE_MS = 900;
const COPY_MS = 250;
const LONGEST_WAIT_MS = 30_000;
const LOST = { 401: 'signed-out', 403: 'gone', 404: 'gone' };

export class Autosave {
  /**
   * `form` has data-url (of the API) and data-version. `ask(conflicts)` lets somebody choose
   * between two values of a field and returns {name: value} or null when they put it off;
   * `onSaved(entity)` and `onTaken(labels, entity)` tell what came of it.
   */
  constructor(form, { person, status, ask, onSaved, onTaken }) {
    this.form = form;
    this.url = form.dataset.url;
    this.version = Number(form.dataset.version);
    this.fields = fieldsOf(form);
    this.copies = new Copies(person, this.url);
    this.status = status;
    Object.assign(this, { ask, onSaved, onTaken });
    // What the server holds, and what on the screen stands for it.
    this.seen = new Map();
    this.sent = new Map();
    for (const [name, field] of this.fields) this.settle(name, field.read());
    this.blamed = new Set();
    this.failures = 0;
    this.running = null;
    this.asking = null;
    this.isOver = false;
    this.listen();
  }

  settle(name, value) {
    this.seen.set(name, value);
    this.sent.set(name, value);
  }

  listen() {
    this.form.addEventListener('input', (event) => this.noticed(event, PAUSE_MS));
    this.form.addEventListener('change', (event) => this.noticed(event, 0));
    this.form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.flush();
    });
  }

  noticed(event, wait) {
    const field = this.fieldOf(event.target);
    if (!field) return;
    if (this.blamed.delete(field.name)) field.blame(null);
    if (!this.isDirty) return;
    if (!this.running && !this.failures && !this.asking) this.status.show('unsaved');
    window.clearTimeout(this.copyTimer);
    this.copyTimer = window.setTimeout(() => this.keepCopy(), COPY_MS);
    this.saveIn(this.failures ? LONGEST_WAIT_MS : wait);
  }

  fieldOf(target) {
    const element = target.closest?.('[data-field]');
    return element && this.form.contains(element) ? this.fields.get(element.dataset.field) : null;
  }

  saveIn(wait) {
    if (this.failures && this.timer) return;
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.save(), wait);
  }

  /** The fields on the screen that the server does not have yet. */
  get changes() {
    const changes = {};
    for (const [name, field] of this.fields) {
      const mine = field.read();
      if (!isSame(mine, this.sent.get(name))) changes[name] = mine;
    }
    return changes;
  }

  get isDirty() {
    return Object.keys(this.changes).length > 0;
  }

  keepCopy() {
    const changes = this.changes;
    if (!Object.keys(changes).length) return this.copies.clear();
    const fields = {};
    for (const name of Object.keys(changes)) {
      fields[name] = { mine: changes[name], seen: this.seen.get(name) };
    }
    return this.copies.keep(fields);
  }

  /** Save now; resolves to whether nothing is left to save. */
  async flush() {
    window.clearTimeout(this.timer);
    this.timer = null;
    this.failures = 0;
    await this.running;
    await this.save();
    return !this.isDirty;
  }

  /** Save what changed, one request at a time. */
  async save() {
    window.clearTimeout(this.timer);
    this.timer = null;
    if (this.running || this.asking || this.isOver) return;
    const changes = this.changes;
    this.blameMistyped(changes);
    for (const name of this.blamed) delete changes[name];
    if (!Object.keys(changes).length) return this.rest();
    this.keepCopy();
    this.status.show('saving');
    this.running = this.send(changes);
    await this.running;
    this.running = null;
    if (this.again) {
      this.again = false;
      await this.save();
    }
  }

  /** Say at once of a number that it is none; the server need not be asked. */
  blameMistyped(changes) {
    for (const name of Object.keys(changes)) {
      const fault = this.fields.get(name).fault(changes[name]);
      if (!fault) continue;
      this.blamed.add(name);
      this.fields.get(name).blame(fault);
    }
  }

  async send(changes) {
    try {
      const body = { version: this.version, ...changes };
      const keepalive = document.visibilityState === 'hidden' && isSmall(body);
      this.taken(await sendJson('PATCH', this.url, body, { keepalive }), changes);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      await this.refused(error, changes);
    }
  }

  taken(answer, changes) {
    const entity = entityOf(answer);
    this.failures = 0;
    this.version = entity.version;
    for (const [name, value] of Object.entries(changes)) {
      this.seen.set(name, this.fields.get(name).pick(entity));
      this.sent.set(name, value);
    }
    this.onSaved?.(entity);
    if (this.isDirty) this.saveIn(PAUSE_MS);
    this.rest();
  }

  rest() {
    this.keepCopy();
    if (this.blamed.size) this.status.show('invalid');
    else if (this.isDirty) this.status.show('unsaved');
    else if (this.status.state !== 'idle') this.status.show('saved');
  }

  async refused(error, changes) {
    this.keepCopy();
    if (error.code === 'VERSION_CONFLICT' && error.problem.current) {
      this.merge(error.problem.current);
    } else if (error.status === 422) this.blame(error, changes);
    else if (error.isTransient) this.waitAndRetry(error);
    else {
      this.isOver = error.status === 404 || error.status === 403;
      const state = LOST[error.status] ?? 'failed';
      const act = state === 'gone' ? null : () => this.retry();
      this.status.show(state, { detail: state === 'failed' ? error.detail : undefined, act });
    }
  }

  waitAndRetry(error) {
    this.failures += 1;
    const wait = Math.min(1000 * 2 ** this.failures, LONGEST_WAIT_MS);
    const state = error.status === 0 ? 'offline' : 'retrying';
    this.status.show(state, { act: () => this.retry() });
    this.timer = window.setTimeout(() => this.save(), (error.retryAfterSeconds ?? 0) * 1000 || wait);
  }

  /** Save nothing more: another page is open, or there is nothing left to save to. */
  stop() {
    this.isOver = true;
    window.clearTimeout(this.timer);
    window.clearTimeout(this.copyTimer);
    if (this.isDirty) this.keepCopy();
  }

  /** Try again at once what failed before. */
  retry() {
    if (this.isDirty || this.failures) this.flush();
  }

  blame(error, changes) {
    const faults = error.problem.errors ?? [];
    for (const { field: path, message } of faults) {
      const name = path.split('.')[0];
      if (!(name in changes)) continue;
      this.blamed.add(name);
      this.fields.get(name).blame(message);
    }
    const others = Object.keys(changes).filter((name) => !this.blamed.has(name));
    if (!faults.some(({ field }) => this.blamed.has(field.split('.')[0]))) {
      this.status.show('failed', { detail: error.detail, act: () => this.retry() });
    } else if (others.length) this.again = true;
    else this.status.show('invalid');
  }

  /**
   * Bring together what changed here and elsewhere: fields that only one side touched keep that
   * side's value; of those that both did, somebody chooses.
   */
  merge(current) {
    const conflicts = [];
    const taken = [];
    this.version = current.version;
    for (const [name, field] of this.fields) {
      const theirs = field.pick(current);
      if (saysTheSame(theirs, this.seen.get(name))) continue;
      const mine = field.read();
      if (saysTheSame(mine, theirs)) {
        this.settle(name, theirs);
        this.sent.set(name, mine);
      } else if (isSame(mine, this.sent.get(name))) {
        field.write(theirs);
        this.settle(name, theirs);
        taken.push(field.label);
      } else conflicts.push({ name, field, mine, theirs });
    }
    if (taken.length) this.onTaken?.(taken, current);
    if (conflicts.length) this.choose(conflicts);
    else if (this.running) this.again = true;
    else this.rest();
  }

  /** Take in what somebody else changed meanwhile. */
  async catchUp() {
    await this.running;
    if (this.asking || this.isOver) return;
    try {
      this.merge(entityOf(await getJson(this.url)));
    } catch (error) {
      // What is new is then learned with the next look, or when something is saved.
      if (!(error instanceof ApiError)) throw error;
    }
  }

  /** Have somebody choose; until they did nothing is sent and nothing of either side is gone. */
  async choose(conflicts) {
    for (const conflict of conflicts) conflict.mine = conflict.field.read();
    this.asking = this.ask(conflicts);
    this.status.show('conflict', { act: () => this.choose(conflicts) });
    this.keepCopy();
    const chosen = await this.asking;
    if (chosen === null) return;
    this.asking = null;
    for (const { name, field, theirs } of conflicts) {
      this.seen.set(name, theirs);
      this.sent.set(name, theirs);
      field.write(chosen[name]);
    }
    await this.running;
    await this.save();
  }

  /** Take over what closed tabs left behind; resolves to whether there was anything. */
  async adopt() {
    const conflicts = [];
    const copies = await this.copies.adopt();
    for (const { fields, forget } of copies) {
      for (const [name, { mine, seen }] of Object.entries(fields)) {
        const field = this.fields.get(name);
        const now = field?.read();
        if (!field || isSame(mine, now)) continue;
        field.write(mine);
        if (!saysTheSame(seen, now)) conflicts.push({ name, field, mine, theirs: now });
      }
      this.keepCopy();
      forget();
    }
    const isAny = this.isDirty;
    if (conflicts.length) this.choose(conflicts);
    else if (isAny) this.save();
    return isAny;
  }
}

/** Browsers let a request outlive its page only up to 64 KiB. */
function isSmall(body) {
  return JSON.stringify(body).length < 20_000;
}

/** Return the thing itself from an answer such as {course: …}. */
export function entityOf(answer) {
  return answer.course ?? answer.section ?? answer.lesson ?? answer;
}
