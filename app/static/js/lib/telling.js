// Tells the server of errors that no script caught: a few a page, each once, without addresses.
import { ApiError, send } from './api.js';

const MOST = 5;
const told = new Set();

const withoutQueries = (text) => text.replace(/\?[^\s:)]*/g, '');

function isOurs(stack, source) {
  // Extensions of the browser fail in our pages, too.
  return stack.includes(location.origin) || source.startsWith(location.origin);
}

/** Tell of `error`, whatever was thrown; what the network did is no error of ours. */
export function tell(kind, error, { source = '', line = 0, column = 0 } = {}) {
  if (error instanceof ApiError || error?.name === 'AbortError') return;
  const message = String(error?.message ?? error).slice(0, 500);
  const stack = withoutQueries(String(error?.stack ?? '')).slice(0, 4000);
  const key = `${message} ${source} ${line}`;
  if (told.size >= MOST || told.has(key) || !isOurs(stack, source)) return;
  told.add(key);
  const body = {
    kind,
    name: String(error?.name ?? 'Error').slice(0, 100),
    message,
    page: location.pathname.slice(0, 500),
    source: withoutQueries(source).slice(0, 500),
    line,
    column,
    stack,
  };
  send('/api/client-errors', { method: 'POST', body, keepalive: true }).catch(() => {});
}
