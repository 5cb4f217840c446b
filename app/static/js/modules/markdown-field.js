// A textarea of Markdown with a row of buttons and a preview that the server draws, so that what
// is previewed is what learners get.
import { postPage } from '../lib/api.js';

const WRAPS = { bold: ['**', '**'], italic: ['*', '*'], link: ['[', '](https://)'] };
const STARTS = { heading: '# ', quote: '> ', list: '- ', 'list-ordered': '1. ' };

export function init(root) {
  const area = root.querySelector('textarea');
  const preview = root.querySelector('[data-part="preview"]');
  const modes = [...root.querySelectorAll('[data-mode]')];
  const tools = root.querySelector('[data-part="tools"]');
  let turn = 0;

  function put(text, start, end) {
    // execCommand keeps the browser's undo; where it is gone, the value is set plainly.
    area.focus();
    if (!document.execCommand?.('insertText', false, text)) {
      area.setRangeText(text, area.selectionStart, area.selectionEnd, 'end');
      area.dispatchEvent(new Event('input', { bubbles: true }));
    }
    area.setSelectionRange(start, end);
  }

  function wrap([before, after]) {
    const { selectionStart: start, selectionEnd: end, value } = area;
    const chosen = value.slice(start, end);
    put(before + chosen + after, start + before.length, start + before.length + chosen.length);
  }

  function prefix(mark) {
    const { selectionEnd: end, value } = area;
    const start = value.lastIndexOf('\n', area.selectionStart - 1) + 1;
    const lines = value.slice(start, end).split('\n');
    const text = lines.map((line) => mark + line).join('\n');
    area.setSelectionRange(start, end);
    put(text, start + text.length, start + text.length);
  }

  function use(tool) {
    if (tool in WRAPS) wrap(WRAPS[tool]);
    else prefix(STARTS[tool]);
  }

  async function draw() {
    turn += 1;
    const mine = turn;
    const fields = new FormData();
    fields.set('source', area.value);
    fields.set('csrf_token', root.dataset.csrf);
    preview.setAttribute('aria-busy', 'true');
    const page = await postPage(root.dataset.url, fields);
    if (mine !== turn) return;
    preview.removeAttribute('aria-busy');
    const drawn = page?.querySelector('[data-part="drawn"]');
    if (drawn) preview.replaceChildren(...document.adoptNode(drawn).childNodes);
    else preview.textContent = root.dataset.failed;
  }

  function show(mode) {
    const isPreview = mode === 'preview';
    for (const button of modes) {
      button.setAttribute('aria-pressed', String(button.dataset.mode === mode));
    }
    if (isPreview) preview.style.minBlockSize = `${area.offsetHeight}px`;
    area.hidden = isPreview;
    preview.hidden = !isPreview;
    tools.hidden = isPreview;
    if (isPreview) draw();
    else area.focus();
  }

  for (const button of modes) button.addEventListener('click', () => show(button.dataset.mode));
  tools.addEventListener('click', (event) => {
    const button = event.target.closest('[data-tool]');
    if (button) use(button.dataset.tool);
  });
  area.addEventListener('keydown', (event) => {
    const tool = { b: 'bold', i: 'italic', k: 'link' }[event.key.toLowerCase()];
    if (!(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey || !tool) return;
    event.preventDefault();
    use(tool);
  });
}
