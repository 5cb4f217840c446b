// A field that takes files and sends them: choose or drop, watch, pause, resume, try again.
// On the element it fires `upload:progress`, `upload:done` (detail: the answer) and `upload:failed`.
import { getJson, remove } from '../lib/api.js';
import { check, limits } from '../lib/uploads/limits.js';
import { add, allJobs, arrivals, forget, jobsFor } from '../lib/uploads/queue.js';
import * as format from '../lib/uploads/words.js';

const SHOWN_EVERY_MS = 250;
const ENDED = new Set(['done', 'failed', 'cancelled']);

class Field {
  constructor(root) {
    const { purpose, targetId } = root.dataset;
    Object.assign(this, { root, purpose, targetId: targetId || null });
    this.isAnywhere = 'anywhere' in root.dataset;
    this.words = JSON.parse(root.querySelector('[data-upload-words]').textContent);
    this.input = root.querySelector('input[type="file"]');
    this.list = root.querySelector('[data-upload-list]');
    this.status = root.querySelector('[role="status"]');
    this.template = root.querySelector('template');
    this.jobs = new Set();
  }

  start() {
    this.input.addEventListener('change', () => this.#choose([...this.input.files]));
    for (const kind of ['dragenter', 'dragover', 'dragleave', 'drop']) {
      this.root.addEventListener(kind, (event) => this.#drag(event));
    }
    arrivals.addEventListener('added', ({ detail }) => this.#meet(detail));
    for (const job of this.isAnywhere ? allJobs() : jobsFor(this.purpose, this.targetId)) this.#meet(job);
    this.#showLimits();
    this.#showUnfinished();
    if (this.input.files.length) this.#choose([...this.input.files]); // before this module was there
  }

  async #showLimits() {
    const known = (await limits())?.purposes[this.purpose];
    const place = this.root.querySelector('[data-upload-limit]');
    if (known && place) place.textContent = format.say(this.words.limit, { limit: format.bytes(known.max_bytes) });
    if (known && !this.input.accept) this.input.accept = [...known.suffixes, ...known.content_types].join(',');
  }

  #drag(event) {
    if (![...(event.dataTransfer?.types ?? [])].includes('Files')) return;
    event.preventDefault();
    event.stopPropagation();
    const isOver = event.type === 'dragover' || event.type === 'dragenter';
    this.root.toggleAttribute('data-over', isOver);
    if (event.type === 'drop' && !this.#isFull) this.#choose([...event.dataTransfer.files]);
  }

  get #isFull() {
    return !this.input.multiple && [...this.jobs].some((job) => !ENDED.has(job.state));
  }

  async #choose(files) {
    this.input.value = '';
    for (const file of this.input.multiple ? files : files.slice(0, 1)) {
      try {
        await check(file, this.purpose);
        if (!this.input.multiple) this.#putEndedAway();
        add(file, { purpose: this.purpose, targetId: this.targetId, anywhere: this.isAnywhere });
      } catch (error) {
        this.#refuse(file, error);
      }
    }
  }

  #putEndedAway() {
    for (const row of this.list.querySelectorAll('[data-refused]')) row.remove();
    for (const job of [...this.jobs].filter(({ state }) => ENDED.has(state))) this.#putAway(job);
  }

  #refuse(file, error) {
    const row = this.#row(file.name);
    row.dataset.refused = '';
    this.#showRefusal(row, error);
    this.#button(row, 'cancel', () => row.remove(), this.words.putAway);
    row.querySelector('progress').hidden = true;
    this.#say(`${file.name}: ${row.querySelector('[data-detail]').textContent}`);
    this.#tell('failed', { filename: file.name, code: error.code, layer: error.layer });
  }

  #meet(job) {
    const isOurs = job.purpose === this.purpose && job.targetId === this.targetId;
    if (!this.root.isConnected || !(isOurs || this.isAnywhere) || this.jobs.has(job)) return;
    this.jobs.add(job);
    const row = this.#row(job.file.name);
    let timer = null;
    let shown = null;
    const show = () => {
      timer = null;
      this.#show(job, row, shown);
      shown = job.state;
    };
    job.addEventListener('change', () => {
      if (job.state !== shown) {
        clearTimeout(timer);
        show();
      } else timer ??= setTimeout(show, SHOWN_EVERY_MS);
    });
    this.#button(row, 'pause', () => job.pause());
    this.#button(row, 'resume', () => job.start());
    this.#button(row, 'cancel', () => (ENDED.has(job.state) ? this.#putAway(job) : this.#cancel(job)));
    this.rows ??= new Map();
    this.rows.set(job, row);
    show();
  }

  #cancel(job) {
    job.cancel();
    this.#putAway(job);
    this.#say(format.say(this.words.cancelled, { name: job.file.name }));
    this.input.focus();
  }

  #putAway(job) {
    forget(job);
    this.jobs.delete(job);
    this.rows.get(job)?.remove();
    this.#showChooser();
  }

  #show(job, row, before) {
    const { words } = this;
    const isMoving = ['sending', 'stalled', 'checking'].includes(job.state);
    const bar = row.querySelector('progress');
    bar.value = job.state === 'done' ? 100 : (job.sentBytes / job.file.size) * 100;
    row.dataset.state = job.state;
    row.querySelector('[data-state-text]').textContent = this.#text(job);
    row.querySelector('[data-act="pause"]').hidden = !isMoving && job.state !== 'waiting';
    row.querySelector('[data-act="resume"]').hidden = !['paused', 'failed'].includes(job.state);
    row.querySelector('[data-act="cancel"]').hidden = job.state === 'finishing';
    const cancel = row.querySelector('[data-act="cancel"] [data-name-of-act]');
    cancel.textContent = ENDED.has(job.state) && job.state !== 'failed' ? words.putAway : words.cancel;
    bar.hidden = job.state === 'done';
    this.#showRefusal(row, job.state === 'failed' ? job.failure : null);
    this.#showChooser();
    if (job.state !== before) this.#changed(job);
    this.#tell('progress', { state: job.state, percent: bar.value, filename: job.file.name });
  }

  #changed(job) {
    const { words } = this;
    if (['stalled', 'paused', 'done'].includes(job.state)) this.#say(`${job.file.name}: ${this.#text(job)}`);
    if (job.state === 'sending') this.#say(format.say(words.begun, { name: job.file.name }));
    if (job.state === 'done') {
      this.#tell('done', job.answer);
      this.#dropUnfinished(job.uploadId);
    }
    if (job.state === 'failed') {
      const [why, remedy] = format.refusal(job.failure, words);
      this.#say(`${job.file.name}: ${why} ${remedy}`);
      this.#tell('failed', { filename: job.file.name, code: job.failure.code, layer: job.failure.layer });
    }
    if (job.uploadId) this.#dropUnfinished(job.uploadId);
  }

  #text(job) {
    const { words } = this;
    const values = {
      sent: format.bytes(job.sentBytes),
      size: format.bytes(job.file.size),
      percent: format.percent(job.sentBytes, job.file.size),
      speed: format.bytes(job.bytesPerSecond),
      seconds: Math.max(1, Math.ceil((job.retryAt - Date.now()) / 1000)),
    };
    if (job.state === 'sending') {
      const speed = job.bytesPerSecond ? format.say(words.speed, values) : '';
      const parts = [format.say(words.sending, values), speed, format.left(job.secondsLeft, words)];
      return parts.filter(Boolean).join(' · ');
    }
    if (job.state === 'finishing' && job.hashedBytes < job.file.size) {
      return format.say(words.hashing, { percent: format.percent(job.hashedBytes, job.file.size) });
    }
    if (job.state === 'failed') return format.say(words.stopped, values);
    return format.say(words[job.state] ?? '', values);
  }

  #showRefusal(row, failure) {
    const notice = row.querySelector('[data-refusal]');
    notice.hidden = !failure;
    if (!failure) return;
    const [why, remedy] = format.refusal({ problem: {}, ...failure }, this.words);
    notice.querySelector('[data-layer]').textContent = this.words.layers[failure.layer] ?? this.words.layers.other;
    notice.querySelector('[data-detail]').textContent = why;
    notice.querySelector('[data-remedy]').textContent = remedy;
  }

  #showChooser() {
    this.root.querySelector('[data-upload-chooser]').hidden = this.#isFull;
  }

  async #showUnfinished() {
    const known = await getJson('/api/admin/uploads').catch(() => ({ items: [] }));
    const ours = known.items.filter((item) => this.isAnywhere
      || (item.purpose === this.purpose && item.target_id === this.targetId));
    const busy = new Set(allJobs().map((job) => job.uploadId));
    for (const item of ours.filter(({ upload_id: id }) => !busy.has(id))) this.#showOne(item);
  }

  #showOne(item) {
    const row = this.#row(item.filename);
    row.dataset.unfinished = item.upload_id;
    row.dataset.state = 'paused';
    row.querySelector('progress').value = (item.received_bytes / item.size_bytes) * 100;
    const share = format.percent(item.received_bytes, item.size_bytes);
    row.querySelector('[data-state-text]').textContent = format.say(this.words.unfinished, { percent: share });
    this.#button(row, 'resume', () => this.input.click(), this.words.chooseAgain);
    this.#button(row, 'cancel', async () => {
      await remove(`/api/admin/uploads/${item.upload_id}`).catch(() => {});
      row.remove();
      this.#say(format.say(this.words.cancelled, { name: item.filename }));
      this.input.focus();
    });
  }

  #dropUnfinished(uploadId) {
    this.list.querySelector(`[data-unfinished="${uploadId}"]`)?.remove();
  }

  #row(name) {
    const row = this.template.content.firstElementChild.cloneNode(true);
    row.querySelector('[data-name]').textContent = name;
    row.querySelector('progress').setAttribute('aria-label', format.say(this.words.bar, { name }));
    this.list.append(row);
    return row;
  }

  #button(row, act, run, name = null) {
    const button = row.querySelector(`[data-act="${act}"]`);
    button.hidden = false;
    button.addEventListener('click', run);
    if (name) button.querySelector('[data-name-of-act]').textContent = name;
  }

  #say(text) {
    this.status.textContent = text;
  }

  #tell(what, detail) {
    this.root.dispatchEvent(new CustomEvent(`upload:${what}`, { bubbles: true, detail }));
  }
}

export function init(root) {
  new Field(root).start();
}
