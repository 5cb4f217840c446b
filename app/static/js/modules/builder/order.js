// The outline as plain data, [{id, lessons: [id…]}], and moves in it. No page, no network.

/** Return a copy of `order`. */
export function copyOf(order) {
  return order.map(({ id, lessons }) => ({ id, lessons: [...lessons] }));
}

/** Return {section, lesson} as indexes of where `id` stands, or null; lesson -1 is a section. */
export function find(order, id) {
  for (const [section, { id: sectionId, lessons }] of order.entries()) {
    if (sectionId === id) return { section, lesson: -1 };
    const lesson = lessons.indexOf(id);
    if (lesson !== -1) return { section, lesson };
  }
  return null;
}

/** Return the move that takes `id` one step up (-1) or down (1), or null at the end. */
export function step(order, id, by) {
  const place = find(order, id);
  if (!place) return null;
  if (place.lesson === -1) {
    const to = place.section + by;
    return to < 0 || to >= order.length ? null : moveOf(order, id, null, to);
  }
  const within = place.lesson + by;
  const { lessons } = order[place.section];
  if (within >= 0 && within < lessons.length) return moveOf(order, id, order[place.section].id, within);
  const next = order[place.section + by];
  if (!next) return null;
  return moveOf(order, id, next.id, by === 1 ? 0 : next.lessons.length);
}

/**
 * Return a move: `id` goes into section `into` (null: it is a section itself) to `index` among the
 * others. It names its new neighbour, so that it can be done again on an outline that changed.
 */
export function moveOf(order, id, into, index) {
  const row = into === null ? order.map((section) => section.id) : lessonsOf(order, into);
  const others = row.filter((other) => other !== id);
  return { id, into, index, after: others[index - 1] ?? null, before: others[index] ?? null };
}

function lessonsOf(order, sectionId) {
  return order.find((section) => section.id === sectionId)?.lessons ?? [];
}

/** Return the order after `move`, or null where what it moves or where it goes is gone. */
export function moved(order, move) {
  const place = find(order, move.id);
  if (!place) return null;
  const result = copyOf(order);
  if (move.into === null) {
    const [section] = result.splice(place.section, 1);
    result.splice(indexIn(result.map(({ id }) => id), move), 0, section);
    return result;
  }
  const target = result.find(({ id }) => id === move.into);
  if (!target) return null;
  result[place.section].lessons.splice(place.lesson, 1);
  target.lessons.splice(indexIn(target.lessons, move), 0, move.id);
  return result;
}

function indexIn(row, { after, before, index }) {
  const at = after === null ? -1 : row.indexOf(after);
  if (at !== -1) return at + 1;
  const next = before === null ? -1 : row.indexOf(before);
  if (next !== -1) return next;
  return Math.min(index, row.length);
}

/** Whether two orders are the same. */
export function isSameOrder(one, other) {
  return JSON.stringify(one) === JSON.stringify(other);
}
