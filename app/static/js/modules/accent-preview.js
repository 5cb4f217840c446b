// The hue that is being chosen, worn by the whole page: the same stylesheet that visitors will get.
const DEFAULT_TEXT = '';

function sheetOf(element) {
  const worn = document.querySelector('link[data-accent]');
  if (worn) return worn;
  const link = document.createElement('link');
  link.rel = 'stylesheet';
  link.dataset.accent = '';
  const tokens = document.querySelector('link[rel="stylesheet"]');
  tokens.after(link);
  return link;
}

export function init(element) {
  const own = element.querySelector('input[type="checkbox"]');
  const hue = element.querySelector('input[type="range"]');
  const said = element.querySelector('[data-says]');
  const address = element.dataset.sheet;
  const before = document.querySelector('link[data-accent]')?.href ?? null;
  const was = { own: own.checked, hue: hue.value };

  function wear() {
    const isAsBefore = own.checked === was.own && (hue.value === was.hue || !own.checked);
    said.textContent = isAsBefore ? DEFAULT_TEXT : said.dataset.says;
    if (isAsBefore && before === null) {
      document.querySelector('link[data-accent]')?.remove();
      return;
    }
    const sheet = sheetOf(element);
    if (isAsBefore) sheet.href = before;
    else if (own.checked) sheet.href = address.replace(/\b0\.css/, `${hue.value}.css`);
    sheet.disabled = !own.checked;
  }

  own.addEventListener('change', wear);
  hue.addEventListener('input', () => {
    own.checked = true;
    wear();
  });
}
