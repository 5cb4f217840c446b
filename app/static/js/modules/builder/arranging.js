// Moving sections and lessons: buttons, Alt with the arrow keys, and the pointer. A move shows at
// once and is saved behind it; when the outline changed elsewhere, it is done again on top of that.
import { ApiError, sendJson } from '../../lib/api.js';
import { startDragging } from './dragging.js';
import { isSameOrder, moved, moveOf, step } from './order.js';
import { fill } from './tree.js';

const PAUSE_MS = 350;
const AGAIN_MS = 4000;
const KEYS = { ArrowUp: -1, ArrowDown: 1 };

export class Arranging {
  /** `reload()` fetches the tree anew; `status` is the line that tells how saving goes. */
  constructor(tree, { url, status, words, reload }) {
    Object.assign(this, { tree, url, status, words, reload });
    this.moves = [];
    this.running = null;
    this.listen();
  }

  get isDirty() {
    return this.moves.length > 0 || this.running !== null;
  }

  listen() {
    const { root } = this.tree;
    root.addEventListener('keydown', (event) => this.pressed(event));
    root.addEventListener('submit', (event) => this.submitted(event));
    startDragging(this.tree, (id, into, index) =>
      this.apply(moveOf(this.tree.order, id, into, index)),
    );
  }

  pressed(event) {
    const by = KEYS[event.key];
    const item = this.tree.itemOf(event.target);
    if (!event.altKey || !by || !item) return;
    event.preventDefault();
    this.stepTo(this.tree.idOf(item), by);
  }

  submitted(event) {
    const button = event.submitter;
    if (!button?.dataset.move) return;
    event.preventDefault();
    this.stepTo(this.tree.idOf(this.tree.itemOf(button)), button.dataset.move === 'up' ? -1 : 1);
    button.focus();
  }

  stepTo(id, by) {
    const move = step(this.tree.order, id, by);
    if (move) this.apply(move);
    else this.status.say(by < 0 ? this.words.isFirst : this.words.isLast);
  }

  apply(move) {
    const before = this.tree.order;
    const after = moved(before, move);
    if (!after || isSameOrder(before, after)) return;
    this.tree.show(after);
    const row = this.tree.item(move.id).querySelector('[data-part="row"]');
    row.scrollIntoView({ block: 'nearest' });
    this.status.say(this.tree.place(move.id));
    this.moves.push(move);
    this.saveIn(PAUSE_MS);
  }

  saveIn(wait) {
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.save(), wait);
  }

  /** Save now; resolves to whether nothing is left to save. */
  async flush() {
    await this.running;
    await this.save();
    return !this.isDirty;
  }

  async save() {
    window.clearTimeout(this.timer);
    if (this.running || !this.moves.length) return;
    this.running = this.send([...this.moves]);
    await this.running;
    this.running = null;
    if (this.moves.length && !this.isWaiting) this.saveIn(PAUSE_MS);
  }

  async send(moves) {
    this.isWaiting = false;
    this.status.show('saving');
    const body = { outline_version: this.tree.version, sections: this.tree.order };
    try {
      const { course } = await sendJson('PUT', this.url, body);
      this.tree.version = course.outline_version;
      this.moves.splice(0, moves.length);
      this.status.show('saved');
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      await this.refused(error);
    }
  }

  async refused(error) {
    if (error.code === 'VERSION_CONFLICT' && error.problem.current) {
      await this.redo(error.problem.current);
    } else if (error.isTransient) {
      this.isWaiting = true;
      this.status.show(error.status === 0 ? 'offline' : 'retrying', { act: () => this.save() });
      this.saveIn(AGAIN_MS);
    } else {
      this.moves.length = 0;
      await this.reload();
      this.status.show(error.status === 401 ? 'signed-out' : 'failed', { detail: error.detail });
    }
  }

  /** Do the moves again on the outline as others left it, and say so. */
  async redo(current) {
    const { moves } = this;
    await this.reload();
    this.tree.version = current.outline_version;
    let order = current.sections.map(({ id, lessons }) => ({
      id,
      lessons: lessons.map((lesson) => lesson.id ?? lesson),
    }));
    const lost = [];
    this.moves = moves.filter((move) => {
      const after = moved(order, move);
      if (after) order = after;
      else lost.push(move);
      return after !== null;
    });
    this.tree.show(order);
    this.status.say(lost.length ? this.words.moveLost : this.words.movedOnTop);
    this.tree.root.dispatchEvent(
      new CustomEvent('builder:notice', {
        bubbles: true,
        detail: lost.length ? this.words.moveLost : fill(this.words.movedOnTop, {}),
      }),
    );
  }
}
