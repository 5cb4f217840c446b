// Follows an order until it is settled: asks the site, which asks the gateway, and shows the page anew when
// something changed. A lost connection or a sleeping phone only makes it wait.
import { getJson, postJson } from '../lib/api.js';

const FIRST_WAIT_MS = 2_000;
const LONGEST_WAIT_MS = 15_000;
const REVIEW_WAIT_MS = 30_000;
const SLOW_AFTER_MS = 45_000;
const GIVES_UP_AFTER_MS = 30 * 60_000;

export function init(element) {
  const { order, status, verify } = element.dataset;
  const isBack = 'isBack' in element.dataset;
  const begun = Date.now();
  let wait = status === 'open' && verify ? FIRST_WAIT_MS : REVIEW_WAIT_MS;
  let timer = null;

  const show = (name, isShown) => {
    const part = element.querySelector(`[data-when="${name}"]`);
    if (part) part.hidden = !isShown;
  };

  async function ask() {
    const answer = verify ? await postJson(verify) : await getJson(order);
    if (answer.order.status === status) return;
    // Out of the history goes the page that waits: "back" leads past it.
    window.location.replace(window.location.pathname);
  }

  async function turn() {
    timer = null;
    try {
      await ask();
      show('offline', false);
    } catch (error) {
      if (!error.isTransient) return; // signed out, or the order is not one's own: the page says so itself
      show('offline', error.status === 0);
    }
    if (isBack && Date.now() - begun > SLOW_AFTER_MS) show('slow', true);
    if (Date.now() - begun > GIVES_UP_AFTER_MS) return;
    wait = Math.min(wait * 1.5, Math.max(wait, LONGEST_WAIT_MS));
    plan(wait);
  }

  function plan(milliseconds) {
    clearTimeout(timer);
    timer = document.hidden ? null : setTimeout(turn, milliseconds);
  }

  document.addEventListener('visibilitychange', () => plan(0));
  window.addEventListener('online', () => plan(0));
  // A page from the back-forward cache shows what was.
  window.addEventListener('pageshow', (event) => event.persisted && plan(0));
  plan(isBack ? 0 : wait);
}
