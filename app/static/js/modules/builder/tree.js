// The outline on the page: reads its order, shows another one, says where something stands.

/** Wraps the tree inside `root`, which may be replaced by a newer one from the server. */
export class Tree {
  constructor(root, words) {
    this.root = root;
    this.words = words;
  }

  get list() {
    return this.root.querySelector('[data-part="tree"]');
  }

  get version() {
    return Number(this.list.dataset.version);
  }

  set version(value) {
    this.list.dataset.version = String(value);
  }

  get sections() {
    return [...this.list.querySelectorAll(':scope > [data-section]')];
  }

  lessonsOf(section) {
    return [...section.querySelectorAll('[data-lesson]')];
  }

  get order() {
    return this.sections.map((section) => ({
      id: section.dataset.section,
      lessons: this.lessonsOf(section).map((lesson) => lesson.dataset.lesson),
    }));
  }

  /** Return the row (an li) of a section or lesson. */
  item(id) {
    return this.list.querySelector(`[data-section="${id}"], [data-lesson="${id}"]`);
  }

  idOf(item) {
    return item.dataset.section ?? item.dataset.lesson;
  }

  /** Return the row that `node` is in, if any. */
  itemOf(node) {
    return node?.closest?.('[data-lesson], [data-section]') ?? null;
  }

  titleOf(id) {
    return this.item(id)?.querySelector('[data-part="title"]').textContent.trim() ?? '';
  }

  /** Put the rows into `order`, keeping the focus where it is. */
  show(order) {
    const focused = document.activeElement;
    const keeps = this.list.contains(focused);
    for (const { id, lessons } of order) {
      const section = this.item(id);
      if (!section) continue;
      this.list.append(section);
      const list = section.querySelector('[data-part="lessons"]');
      for (const lesson of lessons) {
        const item = this.item(lesson);
        if (item) list.append(item);
      }
    }
    if (keeps && document.activeElement !== focused) focused.focus();
    this.number();
  }

  /** Write each row's number and dim the buttons that lead nowhere. */
  number() {
    const { sections } = this;
    sections.forEach((section, at) => {
      const lessons = this.lessonsOf(section);
      section.querySelector('[data-part="number"]').textContent = String(at + 1);
      section.querySelector('[data-part="empty"]').hidden = lessons.length > 0;
      this.dim(section, at === 0, at === sections.length - 1);
      lessons.forEach((lesson, index) => {
        const isFirst = at === 0 && index === 0;
        const isLast = at === sections.length - 1 && index === lessons.length - 1;
        this.dim(lesson, isFirst, isLast);
      });
    });
  }

  // aria-disabled, not disabled: a button that is disabled under somebody's finger drops the focus.
  dim(item, isFirst, isLast) {
    const row = item.querySelector('[data-part="row"]');
    row.querySelector('[data-move="up"]').setAttribute('aria-disabled', String(isFirst));
    row.querySelector('[data-move="down"]').setAttribute('aria-disabled', String(isLast));
  }

  /** Say in words where `id` stands. */
  place(id) {
    const item = this.item(id);
    const title = this.titleOf(id);
    if (item.dataset.section) {
      const at = this.sections.indexOf(item) + 1;
      return fill(this.words.sectionMoved, { title, at, count: this.sections.length });
    }
    const section = item.closest('[data-section]');
    const lessons = this.lessonsOf(section);
    const values = {
      title,
      at: lessons.indexOf(item) + 1,
      count: lessons.length,
      section: this.titleOf(section.dataset.section),
    };
    return fill(this.words.lessonMoved, values);
  }

  /** Mark the row of the page that is open. */
  mark(path) {
    for (const link of this.root.querySelectorAll('a[data-open]')) {
      if (new URL(link.href).pathname === path) link.setAttribute('aria-current', 'page');
      else link.removeAttribute('aria-current');
    }
  }

  rename(id, title) {
    const item = id && this.item(id);
    if (item && title.trim()) item.querySelector('[data-part="title"]').textContent = title;
  }
}

/** Fill the {names} of a phrase. */
export function fill(phrase, values) {
  return phrase.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}
