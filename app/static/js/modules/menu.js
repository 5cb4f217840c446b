// A <details> that behaves like a menu: Escape, a click elsewhere or leaving it closes it.
export function init(details) {
  const summary = details.querySelector('summary');
  const close = () => {
    details.open = false;
  };
  details.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || !details.open) return;
    event.stopPropagation();
    close();
    summary.focus();
  });
  details.addEventListener('focusout', (event) => {
    if (event.relatedTarget && !details.contains(event.relatedTarget)) close();
  });
  document.addEventListener('pointerdown', (event) => {
    if (details.open && !details.contains(event.target)) close();
  });
}
