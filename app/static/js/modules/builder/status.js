// The one line that says how saving goes. Every state is shown; only those that need somebody are
// also read out, so that typing is not commented on.
const ICONS = {
  saved: 'circle-check',
  idle: 'circle-check',
  unsaved: 'pencil',
  saving: 'loader-circle',
  offline: 'cloud-off',
  retrying: 'cloud-off',
  conflict: 'triangle-alert',
  invalid: 'circle-alert',
  gone: 'circle-alert',
  'signed-out': 'lock',
  failed: 'circle-alert',
};
const QUIET = new Set(['saved', 'idle', 'unsaved', 'saving']);

export class Status {
  /** `line` holds parts icon, text and act; `live` is read out; `words` are the phrases. */
  constructor(line, live, words) {
    this.line = line;
    this.live = live;
    this.words = words;
    this.act = null;
    this.button.addEventListener('click', () => this.act?.());
  }

  get state() {
    return this.line.dataset.state;
  }

  get button() {
    return this.line.querySelector('[data-part="act"]');
  }

  /** Show `state`; `detail` replaces its phrase, `act` is what its button does. */
  show(state, { detail, act } = {}) {
    const wasQuiet = QUIET.has(this.state);
    const text = detail ?? this.phrase(state);
    this.line.dataset.state = state;
    const use = this.line.querySelector('use');
    use.setAttribute('href', `${use.getAttribute('href').split('#')[0]}#${ICONS[state]}`);
    this.line.querySelector('[data-part="text"]').textContent = text;
    this.line.title = text;
    this.act = act ?? null;
    this.button.hidden = !act;
    this.button.textContent = this.words.acts[state] ?? '';
    if (!QUIET.has(state)) this.say(text);
    else if (state === 'saved' && !wasQuiet) this.say(text);
  }

  phrase(state) {
    const time = new Date().toLocaleTimeString(document.documentElement.lang, {
      hour: '2-digit',
      minute: '2-digit',
    });
    return (this.words.states[state] ?? '').replace('{time}', time);
  }

  /** Read `text` out. */
  say(text) {
    if (this.live.textContent === text) this.live.textContent = '';
    this.live.textContent = text;
  }
}
