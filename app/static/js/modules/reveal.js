// A button beside a password field that shows and hides what was typed.
export function init(button) {
  const field = document.getElementById(button.getAttribute('aria-controls'));
  button.addEventListener('click', () => {
    const isShown = field.type === 'text';
    field.type = isShown ? 'password' : 'text';
    button.setAttribute('aria-pressed', String(!isShown));
    field.focus();
  });
  field.form?.addEventListener('submit', () => {
    field.type = 'password';
  });
}
