// On a phone the entries stand in one row that scrolls: the current one is brought into view.
export function init(nav) {
  const current = nav.querySelector('[aria-current]');
  if (!current || nav.scrollWidth <= nav.clientWidth) return;
  const row = nav.getBoundingClientRect();
  const entry = current.getBoundingClientRect();
  nav.scrollLeft += entry.left + entry.width / 2 - (row.left + row.width / 2);
}
