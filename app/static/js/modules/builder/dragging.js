// Dragging rows of the outline by their grip, with a mouse, a pen or a finger. A line shows where
// the row would go; Escape and a lost pointer leave everything as it was.
const EDGE_PX = 48;
const SPEED_PX = 12;

/** Call `drop(id, into, index)` when a row was put somewhere; `into` is null for sections. */
export function startDragging(tree, drop) {
  let drag = null;

  tree.root.addEventListener('pointerdown', (event) => {
    const grip = event.target.closest('[data-part="grip"]');
    if (!grip || event.button !== 0 || drag) return;
    event.preventDefault();
    drag = begin(tree, grip, event);
  });
  tree.root.addEventListener('pointermove', (event) => {
    if (drag?.pointer === event.pointerId) drag.move(event);
  });
  tree.root.addEventListener('pointerup', (event) => {
    if (drag?.pointer !== event.pointerId) return;
    const { id, target } = drag;
    drag.end();
    drag = null;
    if (target) drop(id, target.into, target.index);
  });
  const cancel = () => {
    drag?.end();
    drag = null;
  };
  tree.root.addEventListener('pointercancel', cancel);
  document.addEventListener('keydown', (event) => {
    if (event.key === 'Escape' && drag) cancel();
  });
}

function begin(tree, grip, event) {
  const item = tree.itemOf(grip);
  const isSection = 'section' in item.dataset;
  const ghost = ghostOf(item);
  const scroller = tree.root;
  const drag = { id: tree.idOf(item), pointer: event.pointerId, target: null };
  let line = null;
  let frame = null;
  let y = event.clientY;

  grip.setPointerCapture(event.pointerId);
  item.dataset.dragging = '';
  tree.root.dataset.dragging = isSection ? 'section' : 'lesson';

  function mark(next) {
    if (line) delete line.element.dataset.drop;
    line = next;
    if (line) line.element.dataset.drop = line.side;
    drag.target = next ? { into: next.into, index: next.index } : null;
  }

  function aim() {
    mark(isSection ? sectionTarget(tree, item, y) : lessonTarget(tree, item, y));
  }

  function scroll() {
    const box = scroller.getBoundingClientRect();
    const top = Math.max(box.top, 0);
    const bottom = Math.min(box.bottom, window.innerHeight);
    const by = y < top + EDGE_PX ? -SPEED_PX : y > bottom - EDGE_PX ? SPEED_PX : 0;
    if (by) {
      scroller.scrollBy(0, by);
      if (scroller.scrollHeight <= scroller.clientHeight) window.scrollBy(0, by);
      aim();
    }
    frame = requestAnimationFrame(scroll);
  }

  drag.move = (moved) => {
    y = moved.clientY;
    ghost.hidden = false;
    ghost.style.transform = `translate(${moved.clientX + 12}px, ${moved.clientY + 8}px)`;
    frame ??= requestAnimationFrame(scroll);
    aim();
  };
  drag.end = () => {
    cancelAnimationFrame(frame);
    mark(null);
    ghost.remove();
    delete item.dataset.dragging;
    delete tree.root.dataset.dragging;
  };
  return drag;
}

function ghostOf(item) {
  const ghost = document.createElement('div');
  ghost.className = 'tree__ghost';
  ghost.hidden = true;
  ghost.setAttribute('aria-hidden', 'true');
  ghost.textContent = item.querySelector('[data-part="title"]').textContent;
  document.body.append(ghost);
  return ghost;
}

function middle(element) {
  const box = element.getBoundingClientRect();
  return box.top + box.height / 2;
}

function sectionTarget(tree, item, y) {
  const others = tree.sections.filter((section) => section !== item);
  const found = others.findIndex((section) => y < middle(section));
  const index = found === -1 ? others.length : found;
  const element = others[index] ?? others.at(-1);
  return element ? { element, side: found === -1 ? 'after' : 'before', into: null, index } : null;
}

function lessonTarget(tree, item, y) {
  const { sections } = tree;
  const section = sections.findLast((each) => y >= each.getBoundingClientRect().top) ?? sections[0];
  const others = tree.lessonsOf(section).filter((lesson) => lesson !== item);
  const into = section.dataset.section;
  const found = others.findIndex((lesson) => y < middle(lesson));
  if (found !== -1) return { element: others[found], side: 'before', into, index: found };
  if (others.length) return { element: others.at(-1), side: 'after', into, index: others.length };
  return { element: section.querySelector('[data-part="row"]'), side: 'after', into, index: 0 };
}
