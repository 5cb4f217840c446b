// The dialog for two people who changed the same field: both values beside each other, and
// somebody chooses for each. Closing it without a choice loses nothing of either side.

/** Return a function that asks with `dialog`; `words` are its phrases. */
export function asker(dialog, words) {
  const form = dialog.querySelector('form');
  const list = dialog.querySelector('[data-part="conflicts"]');
  const template = dialog.querySelector('template');
  let answer = null;

  function sideOf(item, conflict, index, side, text) {
    const label = item.querySelector(`[data-part="${side}"]`);
    const radio = label.querySelector('input');
    radio.name = `choice-${index}`;
    radio.value = side;
    radio.checked = side === 'mine';
    const shown = label.querySelector('[data-part="text"]');
    if (shown) shown.textContent = text || words.nothing;
  }

  function itemOf(conflict, index) {
    const item = template.content.firstElementChild.cloneNode(true);
    const { field } = conflict;
    item.querySelector('legend').textContent = field.label;
    for (const side of ['mine', 'theirs']) {
      const text = field.words(conflict[side], words.yes, words.no);
      sideOf(item, conflict, index, side, text);
    }
    sideOf(item, conflict, index, 'both', '');
    item.querySelector('[data-part="both"]').hidden = !canJoin(conflict);
    return item;
  }

  function chosenOf(conflicts) {
    const data = new FormData(form);
    return Object.fromEntries(
      conflicts.map((conflict, index) => [
        conflict.name,
        valueOf(conflict, data.get(`choice-${index}`)),
      ]),
    );
  }

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    answer = 'chosen';
    dialog.close();
  });
  dialog.querySelector('[data-part="later"]').addEventListener('click', () => dialog.close());

  return function ask(conflicts) {
    answer = null;
    list.replaceChildren(...conflicts.map(itemOf));
    if (!dialog.open) dialog.showModal();
    return new Promise((resolve) => {
      dialog.addEventListener(
        'close',
        () => resolve(answer === 'chosen' ? chosenOf(conflicts) : null),
        { once: true },
      );
    });
  };
}

function canJoin({ field }) {
  return field.isLong || field.as === 'lines';
}

function valueOf({ field, mine, theirs }, side) {
  if (side === 'theirs') return theirs;
  if (side === 'mine') return mine;
  if (field.as === 'lines') return [...theirs, ...mine.filter((line) => !theirs.includes(line))];
  return `${theirs}\n\n${mine}`;
}
