/** A pop-up menu of choices behind a button, after the ARIA menu pattern. */

const BAR_PX = 64;
const STEPS = { ArrowDown: 1, ArrowUp: -1 };

/**
 * The parts `<name>-button` and `<name>-menu` make the menu. `groups()` gives
 * `[{label, kind: 'radio' | 'checkbox', items: [{label, value, isChecked}]}]`; `choose(value, group)`
 * hears a choice by the group's index.
 */
export class Menu {
  #root;
  #button;
  #list;
  #groups;
  #choose;

  constructor(player, name, groups, choose) {
    this.#root = player.root;
    this.#button = player.part(`${name}-button`);
    this.#list = player.part(`${name}-menu`);
    this.#groups = groups;
    this.#choose = choose;
    this.#button.addEventListener('click', (event) => {
      if (this.isOpen) this.close();
      else this.open(event.detail === 0);
    });
    this.#button.addEventListener('keydown', (event) => {
      if (event.key !== 'ArrowUp' && event.key !== 'ArrowDown') return;
      event.preventDefault();
      this.open(true);
    });
    this.#list.addEventListener('keydown', (event) => this.#steer(event));
    this.#list.addEventListener('focusout', (event) => this.#left(event.relatedTarget));
    player.addEventListener('state', () => {
      if (player.state !== 'active') this.close();
    });
    player.root.addEventListener('pointerdown', (event) => {
      const isOwn = this.#list.contains(event.target) || this.#button.contains(event.target);
      if (this.isOpen && !isOwn) this.close();
    });
  }

  get isOpen() {
    return !this.#list.hidden;
  }

  /** Show the button only when there is something to choose. */
  offer(isOffered) {
    this.#button.hidden = !isOffered;
    if (!isOffered) this.close();
  }

  /** Draw the choices; with `focus` the one that holds takes the focus. */
  open(focus) {
    this.#draw();
    this.#list.style.setProperty('max-height', `${this.#root.clientHeight - BAR_PX}px`);
    this.#list.hidden = false;
    this.#button.setAttribute('aria-expanded', 'true');
    const target = this.#options.find((item) => item.ariaChecked === 'true') ?? this.#options[0];
    if (focus) target?.focus();
    else if (target) this.#list.scrollTop = target.offsetTop - this.#list.clientHeight / 2;
  }

  close() {
    this.#list.hidden = true;
    this.#button.setAttribute('aria-expanded', 'false');
  }

  /** Redraw an open menu whose choices changed, keeping the focus. */
  refresh() {
    if (!this.isOpen) return;
    const { activeElement } = this.#list.ownerDocument;
    const value = this.#list.contains(activeElement) ? activeElement.dataset.value : null;
    this.#draw();
    if (value) this.#options.find((item) => item.dataset.value === value)?.focus();
  }

  get #options() {
    return [...this.#list.querySelectorAll('button')];
  }

  #draw() {
    this.#list.replaceChildren(...this.#groups().map((group, at) => this.#drawGroup(group, at)));
  }

  #drawGroup({ label, kind, items }, at) {
    const element = document.createElement('div');
    element.className = 'player__menu-group';
    element.setAttribute('role', 'group');
    element.setAttribute('aria-label', label);
    const heading = document.createElement('span');
    heading.className = 'player__menu-heading';
    heading.setAttribute('aria-hidden', 'true');
    heading.textContent = label;
    element.append(heading, ...items.map((item) => this.#drawItem(item, kind, at)));
    return element;
  }

  #drawItem({ label, value, isChecked }, kind, at) {
    const item = document.createElement('button');
    item.type = 'button';
    item.className = 'player__menu-item';
    item.tabIndex = -1;
    item.dataset.value = `${at}:${value}`;
    item.setAttribute('role', `menuitem${kind}`);
    item.setAttribute('aria-checked', String(isChecked));
    item.textContent = label;
    item.addEventListener('click', () => {
      this.#choose(value, at);
      if (kind === 'radio') this.#finish();
      else this.refresh();
    });
    return item;
  }

  #steer(event) {
    const options = this.#options;
    const at = options.indexOf(event.target);
    if (event.key in STEPS) {
      options[(at + STEPS[event.key] + options.length) % options.length]?.focus();
    } else if (event.key === 'Home' || event.key === 'End') {
      options.at(event.key === 'Home' ? 0 : -1)?.focus();
    } else if (event.key === 'Escape') {
      this.#finish();
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  #left(target) {
    const isInside = this.#list.contains(target) || this.#button.contains(target);
    if (target && !isInside) this.close();
  }

  #finish() {
    const hadFocus = this.#list.contains(this.#list.ownerDocument.activeElement);
    this.close();
    if (hadFocus) this.#button.focus();
  }
}
