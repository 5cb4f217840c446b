// Asks before a page is left whose text the server does not have; the browser keeps a copy.

/** Return a function that asks with `dialog` and resolves to whether to leave. */
export function leaveAsker(dialog) {
  return function ask() {
    dialog.returnValue = '';
    dialog.showModal();
    return new Promise((resolve) => {
      dialog.addEventListener('close', () => resolve(dialog.returnValue === 'leave'), {
        once: true,
      });
    });
  };
}
