// Opens the builder's pages in place: the outline stays, uploads go on, the address follows. Parts
// of a page that may be exchanged carry data-swap with a name.
import { getPage } from '../../lib/api.js';
import { startWithin } from '../../main.js';

const SLOW_MS = 180;

/** Put the part `name` of `page` in the place of the one shown; return it, or null. */
export function swap(root, page, name) {
  const old = root.querySelector(`[data-swap="${name}"]`);
  const fresh = page.querySelector(`[data-swap="${name}"]`);
  if (!old || !fresh) return null;
  const placed = document.adoptNode(fresh);
  old.replaceWith(placed);
  startWithin(placed);
  return placed;
}

export class Pane {
  /**
   * `leave()` resolves to whether the page may be left; `opened(page)` is called once another one
   * is there, `failed()` when it could not be had.
   */
  constructor(root, { leave, opened, failed }) {
    Object.assign(this, { root, leave, opened, failed });
    this.turn = 0;
    this.path = location.pathname;
    root.addEventListener('click', (event) => this.clicked(event));
    window.addEventListener('popstate', () => {
      if (location.pathname !== this.path) this.open(location.href, { isBack: true });
    });
  }

  clicked(event) {
    const link = event.target.closest('a[data-open]');
    const isPlain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey;
    if (!link || !isPlain || event.altKey || event.defaultPrevented) return;
    event.preventDefault();
    this.open(link.href);
  }

  get element() {
    return this.root.querySelector('[data-swap="pane"]');
  }

  async open(address, { isBack = false, focus = 'h1' } = {}) {
    this.turn += 1;
    const { turn } = this;
    const busy = window.setTimeout(() => this.element.setAttribute('aria-busy', 'true'), SLOW_MS);
    const page = (await this.leave()) ? await getPage(address) : undefined;
    window.clearTimeout(busy);
    this.element.removeAttribute('aria-busy');
    if (turn !== this.turn) return;
    if (!page) {
      // The address follows what is shown, also when going back did not work.
      if (isBack) history.pushState(null, '', this.path);
      if (page === null) this.failed();
      return;
    }
    if (!page.querySelector('[data-swap="pane"]')) {
      location.assign(address);
      return;
    }
    // Whatever was written while the page was on its way is saved as well.
    if ((await this.leave()) && turn === this.turn) this.show(page, address, isBack, focus);
  }

  show(page, address, isBack, focus) {
    const { title } = page;
    swap(this.root, page, 'acts');
    swap(this.root, page, 'pane');
    document.title = title;
    if (!isBack) history.pushState(null, '', address);
    this.path = location.pathname;
    this.opened(page);
    if (focus === 'h1') window.scrollTo(0, 0);
    this.element.querySelector(focus)?.focus({ preventScroll: true });
  }
}
