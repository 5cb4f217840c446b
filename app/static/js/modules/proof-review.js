// Going through proofs by keyboard: A leads to approving, R to rejecting, J and K to the next and the one before.
// A key only leads there; Enter decides, so that no slip of a finger counts money as received.
export function init(review) {
  const reason = review.querySelector('textarea');
  const acts = {
    a: () => review.querySelector('[data-key="a"]')?.focus(),
    r: () => reason?.focus(),
    j: () => document.querySelector('.review__steps [rel="next"]')?.click(),
    k: () => document.querySelector('.review__steps [rel="prev"]')?.click(),
  };
  document.addEventListener('keydown', (event) => {
    const isTyping = event.target.closest('input, textarea, select, [contenteditable]');
    if (isTyping || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const act = acts[event.key.toLowerCase()];
    if (!act) return;
    event.preventDefault();
    act();
  });
  for (const button of review.querySelectorAll('[data-reason]')) {
    button.addEventListener('click', () => {
      reason.value = button.textContent.trim();
      reason.focus();
    });
  }
}
