// Turns stacked sections into tabs. Markup: an element holding [data-tabs] with links to
// #ids, and the sections with those ids. Without this module the links are a table of contents.
export function init(root) {
  const list = root.querySelector('[data-tabs]');
  const tabs = [...list.querySelectorAll('a[href^="#"]')];
  const panels = tabs.map((tab) => root.querySelector(tab.getAttribute('href')));

  function select(index, { focus = false } = {}) {
    tabs.forEach((tab, position) => {
      const isChosen = position === index;
      tab.setAttribute('aria-selected', String(isChosen));
      tab.tabIndex = isChosen ? 0 : -1;
      panels[position].hidden = !isChosen;
    });
    if (focus) tabs[index].focus();
  }

  function move(event, index) {
    const rtl = getComputedStyle(list).direction === 'rtl';
    const steps = { ArrowRight: rtl ? -1 : 1, ArrowLeft: rtl ? 1 : -1 };
    let target = null;
    if (event.key in steps) target = (index + steps[event.key] + tabs.length) % tabs.length;
    if (event.key === 'Home') target = 0;
    if (event.key === 'End') target = tabs.length - 1;
    if (target === null) return;
    event.preventDefault();
    event.stopPropagation();
    select(target, { focus: true });
  }

  list.setAttribute('role', 'tablist');
  tabs.forEach((tab, index) => {
    const panel = panels[index];
    tab.id ||= `${panel.id}-tab`;
    tab.setAttribute('role', 'tab');
    tab.setAttribute('aria-controls', panel.id);
    tab.closest('li')?.setAttribute('role', 'presentation');
    panel.setAttribute('role', 'tabpanel');
    panel.setAttribute('aria-labelledby', tab.id);
    tab.addEventListener('click', (event) => {
      event.preventDefault();
      select(index);
    });
    tab.addEventListener('keydown', (event) => move(event, index));
  });
  const asked = tabs.findIndex((tab) => tab.getAttribute('href') === location.hash);
  select(Math.max(asked, 0));
}
