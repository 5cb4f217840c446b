// A button that copies what a field holds. Where the clipboard is out of reach (plain http), the
// text is selected, and the button says so.
export function init(button) {
  const field = document.getElementById(button.getAttribute('aria-controls'));
  const status = document.createElement('span');
  status.setAttribute('role', 'status');
  status.className = 'visually-hidden';
  button.after(status);
  button.addEventListener('click', async () => {
    let said = button.dataset.done;
    try {
      await navigator.clipboard.writeText(field.value);
    } catch {
      said = button.dataset.failed;
    }
    field.select();
    button.textContent = said;
    status.textContent = said;
  });
}
