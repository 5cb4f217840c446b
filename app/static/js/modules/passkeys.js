// A button that asks the authenticator: to sign in, as a second step, to confirm, or for a new
// passkey. The element says which (data-passkey-act), where to go on, and what to say in words.
import { ApiError, postJson } from '../lib/api.js';

const ROOT = '/api/auth/passkeys';
const ACTS = {
  'sign-in': { path: `${ROOT}/sign-in`, options: {} },
  'second-step': { path: `${ROOT}/sign-in`, options: { second_step: true } },
  confirm: { path: `${ROOT}/confirmation`, options: {} },
  add: { path: ROOT, options: {}, isNew: true },
};

const encode = (buffer) =>
  btoa(Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join(''))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');

const decode = (text) =>
  Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0));

const withIds = (list) => (list ?? []).map((one) => ({ ...one, id: decode(one.id) }));

function readable(options) {
  const read = { ...options, challenge: decode(options.challenge) };
  if (options.user) read.user = { ...options.user, id: decode(options.user.id) };
  if (options.excludeCredentials) read.excludeCredentials = withIds(options.excludeCredentials);
  if (options.allowCredentials) read.allowCredentials = withIds(options.allowCredentials);
  return read;
}

function sendable(credential) {
  const { response } = credential;
  const sent = { clientDataJSON: encode(response.clientDataJSON) };
  for (const name of ['attestationObject', 'authenticatorData', 'signature', 'userHandle']) {
    if (response[name]) sent[name] = encode(response[name]);
  }
  if (response.getTransports) sent.transports = response.getTransports();
  return {
    id: credential.id,
    rawId: encode(credential.rawId),
    type: credential.type,
    authenticatorAttachment: credential.authenticatorAttachment ?? null,
    response: sent,
  };
}

async function run(act, name) {
  const { path, options: body, isNew } = ACTS[act];
  const { options } = await postJson(`${path}/options`, body);
  const publicKey = readable(options);
  const credential = isNew
    ? await navigator.credentials.create({ publicKey })
    : await navigator.credentials.get({ publicKey });
  const answer = { credential: sendable(credential) };
  if (name) answer.name = name;
  return postJson(path, answer);
}

function wordsFor(error, words) {
  if (error instanceof ApiError) {
    const [first] = error.problem.errors ?? [];
    return first?.message || error.detail || words.failed;
  }
  if (error.name === 'NotAllowedError' || error.name === 'AbortError') return words.cancelled;
  if (error.name === 'InvalidStateError') return words.known;
  if (error.name === 'NotSupportedError' || error.name === 'ConstraintError') {
    return words.unsupported;
  }
  return words.failed;
}

function pointElsewhere(message, words) {
  const link = document.createElement('a');
  link.href = words.origin + location.pathname + location.search;
  link.textContent = words.origin;
  const line = document.createElement('span');
  line.append(words.elsewhere, ' ', link);
  message.replaceChildren(line);
  message.hidden = false;
}

export function init(element) {
  const button = element.querySelector('[data-passkey-button]');
  const message = element.querySelector('[data-passkey-error]');
  const field = element.querySelector('[data-passkey-name]');
  const words = element.dataset;
  if (!window.PublicKeyCredential || !navigator.credentials) return;
  if (location.origin !== words.origin) {
    if (words.passkeyAct === 'add') pointElsewhere(message, words);
    return;
  }
  for (const part of element.querySelectorAll('[data-passkey-part]')) part.hidden = false;
  button.hidden = false;

  async function act() {
    if (button.getAttribute('aria-busy') === 'true') return;
    button.setAttribute('aria-busy', 'true');
    message.hidden = true;
    try {
      const answer = await run(words.passkeyAct, field?.value.trim());
      location.assign(answer?.next ?? words.next);
    } catch (error) {
      if (error.code === 'CONFIRMATION_REQUIRED') {
        location.assign(words.confirm);
        return;
      }
      message.textContent = wordsFor(error, words);
      message.hidden = false;
      button.removeAttribute('aria-busy');
      button.focus();
    }
  }

  button.addEventListener('click', act);
  window.addEventListener('pageshow', () => button.removeAttribute('aria-busy'));
}
