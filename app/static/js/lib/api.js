// The only place that calls fetch. Speaks JSON to /api and turns problem+json into ApiError.

export class ApiError extends Error {
  /** `status` 0 means the network failed; `code` is the server's stable name of the problem. */
  constructor(status, problem, retryAfterSeconds = null) {
    super(problem.detail || problem.title || 'The request failed.');
    this.name = 'ApiError';
    this.status = status;
    this.code = problem.code || (status === 0 ? 'NETWORK' : 'UNKNOWN');
    this.detail = problem.detail || '';
    this.problem = problem;
    this.retryAfterSeconds = retryAfterSeconds;
  }

  /** Whether asking again, unchanged, may succeed. */
  get isTransient() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

async function problemOf(response) {
  const type = response.headers.get('Content-Type') || '';
  if (!type.includes('json')) return {};
  try {
    return (await response.json()) ?? {};
  } catch {
    return {};
  }
}

/**
 * Send a request and return the response when it is a success. Raises ApiError; an abort by
 * `signal` raises the browser's AbortError.
 */
export async function send(path, { method = 'GET', body, headers = {}, signal, keepalive } = {}) {
  const options = { method, signal, keepalive, credentials: 'same-origin', headers: { ...headers } };
  options.headers.Accept ??= 'application/json';
  if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers['Content-Type'] = 'application/json';
  }
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new ApiError(0, { detail: 'The network cannot be reached.' });
  }
  if (response.ok) return response;
  const wait = Number.parseInt(response.headers.get('Retry-After') ?? '', 10);
  throw new ApiError(response.status, await problemOf(response), Number.isNaN(wait) ? null : wait);
}

async function received(reading) {
  try {
    return await reading;
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new ApiError(0, { detail: 'The answer was cut off.' });
  }
}

/** Return the parsed JSON at `path`. Raises ApiError. */
export async function getJson(path, options = {}) {
  return received((await send(path, options)).json());
}

/** Return the text at `path`. Raises ApiError. */
export async function getText(path, { headers = {}, ...options } = {}) {
  const response = await send(path, { ...options, headers: { Accept: '*/*', ...headers } });
  return received(response.text());
}

/** POST `body` as JSON and return the parsed answer, null for 204. Raises ApiError. */
export async function postJson(path, body = {}, options = {}) {
  const response = await send(path, { ...options, method: 'POST', body });
  return response.status === 204 ? null : received(response.json());
}

/** PUT or PATCH `body` as JSON and return the parsed answer, null for 204. Raises ApiError. */
export async function sendJson(method, path, body, options = {}) {
  const response = await send(path, { ...options, method, body });
  return response.status === 204 ? null : received(response.json());
}

/** DELETE what is at `path`. Raises ApiError. */
export async function remove(path, options = {}) {
  await send(path, { ...options, method: 'DELETE' });
}

/** Return the page at `path` as an inert document, or null when it cannot be had. */
export function getPage(path) {
  return page('GET', path);
}

/** Send `fields` (a FormData) as a form would and return the page that answers, or null. */
export function postPage(path, fields) {
  return page('POST', path, new URLSearchParams(fields));
}

function page(method, path, body) {
  // XMLHttpRequest parses HTML without running anything in it; Trusted Types forbid DOMParser.
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.open(method, path);
    request.responseType = 'document';
    request.onload = () => resolve(request.status === 200 ? request.response : null);
    request.onerror = () => resolve(null);
    request.send(body);
  });
}

const STALLED_MS = 60_000;
const ANSWER_MS = 180_000;

/**
 * PUT the bytes of `blob` to `address`, which may be another site's, and return the answer's ETag, or null
 * when it is not told. `onProgress(sentBytes)` is called as bytes go. Raises ApiError: `problem.layer` names who
 * refused when it was not the application; an abort by `signal` raises AbortError.
 */
export async function putBytes(address, blob, options = {}) {
  return etagOf(await sendBytes('PUT', address, blob, options));
}

/** POST `fields` (a FormData) with files in it and return the parsed JSON that answers; as `putBytes` does. */
export async function postForm(address, fields, options = {}) {
  const answer = await sendBytes('POST', address, fields, options);
  return JSON.parse(answer.responseText);
}

function sendBytes(method, address, body, { onProgress = () => {}, signal } = {}) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest(); // fetch does not tell how much has gone
    let timer = null;
    const watch = (milliseconds) => {
      clearTimeout(timer);
      timer = setTimeout(() => request.abort(), milliseconds); // a dead connection says nothing
    };
    const settle = (act) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', stop);
      act();
    };
    const stop = () => request.abort();
    request.open(method, address);
    if (method === 'POST') request.setRequestHeader('Accept', 'application/json');
    request.upload.onprogress = (event) => {
      watch(STALLED_MS);
      onProgress(event.loaded);
    };
    request.upload.onload = () => watch(ANSWER_MS);
    request.onload = () => settle(() => (request.status < 300 ? resolve(request) : reject(refusalOf(request))));
    request.onerror = () => settle(() => reject(new ApiError(0, { detail: 'The network cannot be reached.' })));
    request.onabort = () => settle(() => {
      const isAsked = signal?.aborted;
      reject(isAsked ? new DOMException('Stopped.', 'AbortError') : new ApiError(0, { detail: 'Nothing moved.' }));
    });
    signal?.addEventListener('abort', stop);
    watch(STALLED_MS);
    request.send(body);
  });
}

function etagOf(request) {
  // Another site's header is read only where its CORS rules expose it; asking causes a warning.
  const names = request.getAllResponseHeaders().toLowerCase();
  return /^etag:/m.test(names) ? request.getResponseHeader('ETag').replace(/^W\/|"/g, '') : null;
}

function refusalOf(request) {
  const type = request.getResponseHeader('Content-Type') || '';
  if (type.includes('json')) {
    try {
      return new ApiError(request.status, JSON.parse(request.responseText) ?? {});
    } catch {
      return new ApiError(request.status, {});
    }
  }
  const layer = type.includes('xml') ? 'storage' : 'proxy';
  const code = /<Code>(\w+)<\/Code>/.exec(request.responseText)?.[1];
  return new ApiError(request.status, { layer, detail: code || '' });
}
