// A textarea of one entry a line as a list: each entry its own field, with buttons to add, move
// and remove. The textarea stays what is sent, so the form is the same without this module.
export function init(root) {
  const area = root.querySelector('textarea');
  const list = root.querySelector('[data-part="list"]');
  const template = root.querySelector('template');

  const inputs = () => [...list.querySelectorAll('input')];

  function write(eventName) {
    area.value = inputs()
      .map((input) => input.value.replaceAll('\n', ' ').trim())
      .filter(Boolean)
      .join('\n');
    area.dispatchEvent(new Event(eventName, { bubbles: true }));
  }

  function insert(value, before = null) {
    const item = template.content.firstElementChild.cloneNode(true);
    const input = item.querySelector('input');
    input.value = value;
    list.insertBefore(item, before);
    number();
    return input;
  }

  function number() {
    inputs().forEach((input, index) => {
      input.setAttribute('aria-label', `${root.dataset.label} ${index + 1}`);
    });
  }

  function draw() {
    list.replaceChildren();
    const lines = area.value.split('\n').filter((line) => line.trim());
    for (const line of lines) insert(line.trim());
    if (!lines.length) insert('');
  }

  function remove(item) {
    const next = item.nextElementSibling ?? item.previousElementSibling;
    item.remove();
    number();
    write('change');
    (next?.querySelector('input') ?? insert('')).focus();
  }

  function move(item, by) {
    const other = by < 0 ? item.previousElementSibling : item.nextElementSibling;
    if (!other) return;
    list.insertBefore(by < 0 ? item : other, by < 0 ? other : item);
    number();
    item.querySelector('input').focus();
    write('change');
  }

  list.addEventListener('input', (event) => {
    event.stopPropagation();
    write('input');
  });
  list.addEventListener('change', (event) => {
    event.stopPropagation();
    write('change');
  });
  list.addEventListener('click', (event) => {
    if (event.target.closest('[data-part="remove"]')) remove(event.target.closest('li'));
  });
  list.addEventListener('keydown', (event) => {
    const item = event.target.closest('li');
    if (event.key === 'Enter' && event.target.tagName === 'INPUT') {
      event.preventDefault();
      insert('', item.nextElementSibling).focus();
    } else if (event.key === 'Backspace' && event.target.value === '' && inputs().length > 1) {
      event.preventDefault();
      remove(item);
    } else if (event.altKey && (event.key === 'ArrowUp' || event.key === 'ArrowDown')) {
      event.preventDefault();
      move(item, event.key === 'ArrowUp' ? -1 : 1);
    }
  });
  list.addEventListener('paste', (event) => {
    const lines = event.clipboardData.getData('text').split(/\r?\n/).filter((line) => line.trim());
    if (lines.length < 2) return;
    event.preventDefault();
    const item = event.target.closest('li');
    const before = item.nextElementSibling;
    if (!event.target.value) item.remove();
    for (const line of lines) insert(line.trim(), before);
    write('change');
  });
  root.querySelector('[data-part="add"]').addEventListener('click', () => insert('').focus());
  area.addEventListener('field:written', draw);
  root.dataset.ready = '';
  draw();
}
