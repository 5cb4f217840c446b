// The course builder: the outline at one side, what is open of it at the other. Put together here;
// each part is a module in builder/. Without scripts the same pages work as plain forms.
import { startAdding } from './builder/adding.js';
import { Arranging } from './builder/arranging.js';
import { Autosave } from './builder/autosave.js';
import { startCalls } from './builder/calls.js';
import { asker } from './builder/conflict.js';
import { leaveAsker } from './builder/leaving.js';
import { Pane, swap } from './builder/pane.js';
import { fetchPage, showTree } from './builder/refreshing.js';
import { Status } from './builder/status.js';
import { Tree, fill } from './builder/tree.js';
import { Watching } from './builder/watching.js';

const NOTICE_MS = 12_000;
const MEDIA_PARTS = ['media', 'document', 'cover', 'cover-acts', 'files'];

class Builder {
  constructor(root) {
    this.root = root;
    this.words = JSON.parse(this.part('words').textContent);
    this.status = new Status(this.part('status'), this.part('live'), this.words);
    this.ask = asker(this.part('conflict'), this.words);
    this.askToLeave = leaveAsker(this.part('leave'));
    this.tree = new Tree(this.part('outline'), this.words);
    this.autosave = null;
    this.startOutline();
    this.pane = new Pane(root, {
      leave: () => this.leave(),
      opened: (page) => this.opened(page),
      failed: () => this.status.show('offline', { detail: this.words.notOpened }),
    });
    this.openForm();
    this.watching = new Watching(root, {
      tree: this.tree,
      arranging: this.arranging,
      words: this.words,
      autosave: () => this.autosave,
      refresh: (parts) => this.refresh(parts),
      gone: () => this.gone(),
      notice: (text) => this.notice(text),
    });
    this.listen();
  }

  part(name) {
    return this.root.querySelector(`[data-part="${name}"]`);
  }

  startOutline() {
    const { status, words, tree } = this;
    const reload = () => this.refresh({ isTree: true });
    const url = this.root.dataset.outlineUrl;
    this.arranging = new Arranging(tree, { url, status, words, reload });
    startAdding(tree, { status, words, reload });
    tree.number();
    this.part('outline-toggle').addEventListener('click', () => this.unfold());
    this.part('arrange').addEventListener('click', () => this.toggle('arrange', 'arranging'));
  }

  unfold(isOpen = this.part('outline-toggle').getAttribute('aria-expanded') !== 'true') {
    this.part('outline-toggle').setAttribute('aria-expanded', String(isOpen));
  }

  toggle(name, mode) {
    const button = this.part(name);
    const isOn = button.getAttribute('aria-pressed') !== 'true';
    button.setAttribute('aria-pressed', String(isOn));
    this.tree.root.toggleAttribute(`data-${mode}`, isOn);
  }

  listen() {
    this.root.addEventListener('input', (event) => this.typed(event.target));
    this.root.addEventListener('field:written', (event) => this.typed(event.target));
    this.root.addEventListener('upload:done', () => this.mediaChanged());
    this.root.addEventListener('builder:notice', (event) => this.notice(event.detail));
    startCalls(this.root, this.part('sure'), {
      done: () => this.mediaChanged(),
      failed: (text) => this.status.show('failed', { detail: text }),
    });
    window.addEventListener('online', () => this.autosave?.retry());
    window.addEventListener('beforeunload', (event) => {
      if (this.autosave?.isDirty || this.arranging.isDirty) event.preventDefault();
    });
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'hidden') this.saveNow();
      else this.autosave?.retry();
    });
    window.addEventListener('pagehide', () => this.saveNow());
    document.addEventListener('keydown', (event) => {
      const isSave = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 's';
      if (!isSave) return;
      event.preventDefault();
      this.saveNow();
    });
  }

  saveNow() {
    if (this.autosave?.isDirty) this.autosave.flush();
    this.arranging.save();
  }

  /** Let the outline and the bar follow a title while it is typed. */
  typed(control) {
    if (control.dataset?.field !== 'title') return;
    const { kind, entity } = control.form.dataset;
    if (kind === 'course') this.part('course-title').textContent = control.value;
    else this.tree.rename(entity, control.value);
  }

  openForm() {
    this.autosave?.stop();
    this.autosave = null;
    const form = this.pane.element.querySelector('form[data-autosave]');
    if (!form) return;
    this.autosave = new Autosave(form, {
      person: this.root.dataset.person,
      status: this.status,
      ask: this.ask,
      onSaved: (entity) => this.saved(entity),
      onTaken: (labels) =>
        this.notice(fill(this.words.takenOver, { fields: labels.join(', ') })),
    });
    this.autosave.adopt().then((isAny) => isAny && this.notice(this.words.restored));
  }

  saved(entity) {
    this.root.dispatchEvent(new CustomEvent('builder:saved', { detail: entity }));
    const kind = this.autosave.form.querySelector('[data-field="kind"]');
    // Another kind of lesson takes other files: its page is drawn anew.
    if (kind && kind.dataset.now !== entity.kind) {
      kind.dataset.now = entity.kind;
      const focus = '[data-field="kind"] :checked';
      this.pane.open(location.href, { isBack: true, focus });
    }
  }

  async leave() {
    await Promise.all([this.autosave?.flush(), this.arranging.flush()]);
    return !this.autosave?.isDirty || this.askToLeave();
  }

  opened(page) {
    this.part('notices').replaceChildren();
    if (!this.arranging.isDirty) showTree(this.tree, page);
    this.tree.mark(location.pathname);
    this.unfold(false);
    if (this.status.state !== 'idle') this.status.show('saved');
    this.openForm();
    this.watching.wait();
  }

  /** Fetch the page again and exchange the tree, the panels of media, or both. */
  async refresh({ isTree = false, isMedia = false }) {
    const page = await fetchPage();
    if (!page) return;
    if (isMedia) this.showMedia(page);
    if (isTree && !this.tree.root.dataset.dragging) showTree(this.tree, page);
    this.watching?.wait();
  }

  showMedia(page) {
    for (const name of MEDIA_PARTS) swap(this.root, page, name);
    // A lesson that has a file stays of its kind until the file is off.
    for (const option of page.querySelectorAll('[data-field="kind"] input')) {
      const shown = this.root.querySelector(`[data-field="kind"] input[value="${option.value}"]`);
      if (shown) shown.disabled = option.disabled;
    }
  }

  async mediaChanged() {
    await this.refresh({ isTree: true, isMedia: true });
    await this.autosave?.catchUp();
  }

  gone() {
    this.autosave?.stop();
    this.status.show('gone');
    this.notice(this.words.gone);
  }

  notice(text) {
    const line = document.createElement('p');
    line.className = 'builder__notice';
    line.textContent = text;
    this.part('notices').replaceChildren(line);
    window.setTimeout(() => line.remove(), NOTICE_MS);
  }
}

export function init(root) {
  new Builder(root);
  root.dataset.ready = '';
}
