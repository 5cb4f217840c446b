// What frames every page: menus that close by themselves, the theme button, the language picker.
const YEAR_SECONDS = 31536000;
const night = window.matchMedia('(prefers-color-scheme: dark)');
const root = document.documentElement;

function currentTheme() {
  return root.dataset.theme ?? (night.matches ? 'dark' : 'light');
}

function remember(theme) {
  root.dataset.theme = theme;
  try {
    localStorage.setItem('theme', theme);
  } catch {
    // Storage may be refused; the choice then lasts as long as the page.
  }
}

function startTheme(buttons) {
  const show = () => {
    const isDark = currentTheme() === 'dark';
    for (const button of buttons) button.setAttribute('aria-pressed', String(isDark));
  };
  for (const button of buttons) {
    button.addEventListener('click', () => {
      remember(currentTheme() === 'dark' ? 'light' : 'dark');
      show();
    });
  }
  night.addEventListener('change', show);
  show();
}

function startLanguage(picker) {
  picker.addEventListener('change', () => {
    const secure = location.protocol === 'https:' ? '; Secure' : '';
    const choice = encodeURIComponent(picker.value);
    document.cookie = `language=${choice}; Path=/; SameSite=Lax; Max-Age=${YEAR_SECONDS}${secure}`;
    location.reload();
  });
}

/** A details element as a menu: Escape, a press elsewhere or leaving it closes it. */
function startMenu(menu) {
  menu.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || !menu.open) return;
    event.stopPropagation();
    menu.open = false;
    menu.querySelector('summary').focus();
  });
  menu.addEventListener('focusout', (event) => {
    if (event.relatedTarget && !menu.contains(event.relatedTarget)) menu.open = false;
  });
  document.addEventListener('pointerdown', (event) => {
    if (menu.open && !menu.contains(event.target)) menu.open = false;
  });
}

export function init(element) {
  startTheme([...element.querySelectorAll('[data-theme-button]')]);
  for (const picker of element.querySelectorAll('[data-language-picker]')) startLanguage(picker);
  for (const menu of element.querySelectorAll('details.menu')) startMenu(menu);
}
