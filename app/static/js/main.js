// Starts what a page asks for: [data-module="tabs reveal"] loads modules/tabs.js and
// modules/reveal.js and calls init(element) of each.

/** Tell the server of an error nobody caught; what can do that is loaded only then. */
function tell(...told) {
  import('./lib/telling.js').then((telling) => telling.tell(...told)).catch(() => {});
}

addEventListener('error', ({ error, message, filename, lineno, colno }) => {
  if (!message) return; // a picture that did not load
  tell('error', error ?? message, { source: filename ?? '', line: lineno ?? 0, column: colno ?? 0 });
});
addEventListener('unhandledrejection', ({ reason }) => tell('rejection', reason));

const NAME = /^[a-z][a-z0-9-]*(\/[a-z][a-z0-9-]*)?$/;

async function start(element, name) {
  if (!NAME.test(name)) return;
  try {
    const module = await import(`./modules/${name}.js`);
    await module.init(element);
  } catch (error) {
    element.dataset.moduleFailed = name;
    console.error(`module ${name} did not start`, error);
    tell('module', error);
  }
}

/** Start what `root` asks for; also for parts of a page that are put in later. */
export function startWithin(root) {
  for (const element of root.querySelectorAll('[data-module]')) {
    for (const name of element.dataset.module.split(/\s+/)) start(element, name);
  }
}

startWithin(document);
