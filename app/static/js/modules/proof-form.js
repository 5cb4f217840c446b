// Sends the proof of a transfer: photos are made smaller first, for slow links, and one sees how far it is.
// Without it the form sends the file as it is.
import { postForm } from '../lib/api.js';
import { bytes, percent, say } from '../lib/uploads/words.js';

const SMALL_BYTES = 700 * 1024; // sent as it is
const LONGEST_SIDE = 2400;
const QUALITY = 0.85;

/** Return a photo as a smaller JPEG where the browser can make one, else the file itself. */
async function shrunk(file) {
  if (!file.type.startsWith('image/') && !isHeic(file)) return file;
  if (file.size <= SMALL_BYTES && !isHeic(file)) return file;
  let picture;
  try {
    picture = await createImageBitmap(file, { imageOrientation: 'from-image' });
  } catch {
    return file; // not a kind this browser draws: the site says what is wrong with it
  }
  const scale = Math.min(1, LONGEST_SIDE / Math.max(picture.width, picture.height));
  const canvas = document.createElement('canvas');
  canvas.width = Math.max(1, Math.round(picture.width * scale));
  canvas.height = Math.max(1, Math.round(picture.height * scale));
  const pen = canvas.getContext('2d');
  pen.fillStyle = '#fff';
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.drawImage(picture, 0, 0, canvas.width, canvas.height);
  picture.close();
  const drawn = await new Promise((resolve) => { canvas.toBlob(resolve, 'image/jpeg', QUALITY); });
  return drawn && (drawn.size < file.size || isHeic(file)) ? drawn : file;
}

function isHeic(file) {
  return /^image\/hei[cf]/.test(file.type) || /\.hei[cf]$/i.test(file.name ?? '');
}

class ProofForm {
  constructor(form) {
    this.form = form;
    this.words = JSON.parse(form.querySelector('[data-proof-words]').textContent);
    this.file = form.querySelector('input[type="file"]');
    this.button = form.querySelector('button[type="submit"]');
    this.fault = form.querySelector('[data-proof-fault]');
    this.progress = form.querySelector('[data-proof-progress]');
    this.shown = form.querySelector('[data-proof-shown]');
    this.state = form.querySelector('[data-proof-state]');
    this.prepared = null; // what was made of the chosen file: sent again, it has to be the same
  }

  start() {
    this.file.addEventListener('change', () => {
      this.prepared = null;
      this.#blame('');
    });
    this.form.addEventListener('submit', (event) => {
      event.preventDefault();
      if (!this.isBusy) this.#send();
    });
  }

  async #send() {
    const [file] = this.file.files;
    if (!file) return;
    this.#work(true);
    try {
      if (!file.size) throw new Error(this.words.empty);
      this.#say(this.words.shrinking);
      this.prepared ??= await shrunk(file);
      this.#check(this.prepared);
      await this.#post(this.prepared);
      window.location.replace(window.location.pathname); // not where one had scrolled to
    } catch (error) {
      this.#work(false);
      this.#blame(this.#reason(error));
    }
  }

  #check(sent) {
    const limit = Number(this.form.dataset.limit);
    if (isHeic(sent)) throw new Error(this.words.heic);
    if (sent.size > limit) throw new Error(say(this.words.tooLarge, { size: bytes(sent.size), limit: bytes(limit) }));
  }

  #post(sent) {
    const fields = new FormData();
    fields.append('file', sent, this.file.files[0].name);
    fields.append('reference', this.form.elements.reference.value);
    const bar = this.progress.querySelector('progress');
    return postForm(this.form.dataset.api, fields, {
      onProgress: (count) => {
        const done = Math.min(count, sent.size);
        bar.value = (done / sent.size) * 100;
        const values = { percent: percent(done, sent.size), sent: bytes(done), size: bytes(sent.size) };
        this.shown.textContent = say(this.words.sending, values);
        if (done >= sent.size) this.#say(this.words.looking);
      },
    });
  }

  #reason(error) {
    if (error.status === undefined) return error.message;
    if (error.status === 0) return this.words.lost;
    const fields = (error.problem.errors ?? []).map(({ message }) => message).join(' ');
    return [fields || error.message, error.problem.remedy].filter(Boolean).join(' ');
  }

  #work(isBusy) {
    this.isBusy = isBusy;
    this.progress.hidden = !isBusy;
    this.button.toggleAttribute('aria-busy', false);
    if (isBusy) this.button.setAttribute('aria-busy', 'true');
    if (isBusy) this.#blame('');
  }

  #say(text) {
    this.shown.textContent = text;
    this.state.textContent = text; // percentages would be read out without end
  }

  #blame(text) {
    this.fault.querySelector('[data-text]').textContent = text;
    this.fault.hidden = !text;
    if (text) this.button.focus();
  }
}

export function init(form) {
  new ProofForm(form).start();
}
