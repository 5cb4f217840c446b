// What frames every page: menus that close by themselves, the pickers of theme and language.
import { send } from '../lib/api.js';

const YEAR_SECONDS = 31536000;
const root = document.documentElement;

function wear(theme) {
  if (theme === 'system') delete root.dataset.theme;
  else root.dataset.theme = theme;
  try {
    if (theme === 'system') localStorage.removeItem('theme');
    else localStorage.setItem('theme', theme);
  } catch {
    // Storage may be refused; the choice then lasts as long as the page.
  }
}

function startTheme(picker) {
  picker.value = root.dataset.theme ?? 'system';
  picker.addEventListener('change', () => wear(picker.value));
}

async function saveLanguage(path, locale) {
  try {
    await send(path, { method: 'PATCH', body: { locale } });
  } catch (error) {
    console.warn('the language was not saved', error);
  }
}

function startLanguage(picker) {
  picker.addEventListener('change', async () => {
    const secure = location.protocol === 'https:' ? '; Secure' : '';
    const choice = encodeURIComponent(picker.value);
    document.cookie = `language=${choice}; Path=/; SameSite=Lax; Max-Age=${YEAR_SECONDS}${secure}`;
    // What an account says counts for more than what this browser says.
    if (picker.dataset.account) await saveLanguage(picker.dataset.account, picker.value);
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
  for (const picker of element.querySelectorAll('[data-theme-picker]')) startTheme(picker);
  for (const picker of element.querySelectorAll('[data-language-picker]')) startLanguage(picker);
  for (const menu of element.querySelectorAll('details.menu')) startMenu(menu);
}
