// The fields of an autosaved form as values of the API. A control carries data-field (the API's
// name) and data-as (text, choice, radio, bool, int, limit, lines, money); without data-as it is
// text. An empty limit is none.
// data-path says where the API's answer holds the value, when not under the field's own name.

const READERS = {
  text: (control) => control.value,
  choice: (control) => control.value,
  bool: (control) => control.checked,
  int: (control) => (/^\d+$/.test(control.value.trim()) ? Number(control.value) : control.value),
  limit: (control) => (control.value.trim() === '' ? null : READERS.int(control)),
  radio: (group) => group.querySelector('input:checked')?.value ?? '',
  lines: (control) => linesOf(control.value),
  money: (group) => ({
    amount_minor: minorOf(part(group, 'amount').value),
    currency: part(group, 'currency').value,
  }),
};

const WRITERS = {
  text: (control, value) => put(control, value ?? ''),
  choice: (control, value) => put(control, value ?? ''),
  bool: (control, value) => {
    control.checked = Boolean(value);
  },
  int: (control, value) => put(control, String(value ?? '')),
  limit: (control, value) => put(control, String(value ?? '')),
  radio: (group, value) => {
    for (const option of group.querySelectorAll('input')) option.checked = option.value === value;
  },
  lines: (control, value) => put(control, (value ?? []).join('\n')),
  money: (group, value) => {
    put(part(group, 'amount'), amountOf(value.amount_minor));
    put(part(group, 'currency'), value.currency);
  },
};

function part(group, name) {
  return group.querySelector(`[data-part="${name}"]`);
}

function put(control, value) {
  control.value = value;
  // Lists and counters that stand beside the control follow it.
  control.dispatchEvent(new CustomEvent('field:written', { bubbles: true }));
}

function linesOf(text) {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);
}

/** Return minor units for what somebody typed, or the text itself when it is no amount. */
export function minorOf(text) {
  const plain = text.trim().replace(',', '.');
  if (plain === '') return 0;
  return /^\d+(\.\d{1,2})?$/.test(plain) ? Math.round(Number(plain) * 100) : text;
}

function amountOf(minor) {
  return minor % 100 ? (minor / 100).toFixed(2) : String(minor / 100);
}

function at(entity, path) {
  return path.split('.').reduce((value, key) => value?.[key], entity);
}

/** Whether two values of the API are the same. */
export function isSame(one, other) {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** Whether what is on the screen says the same as the server, which trims what it keeps. */
export function saysTheSame(mine, theirs) {
  const bare = (value) => (typeof value === 'string' ? value.trim().replaceAll('\r\n', '\n') : value);
  return isSame(bare(mine ?? ''), bare(theirs ?? ''));
}

class Field {
  constructor(element) {
    this.element = element;
    this.name = element.dataset.field;
    this.as = element.dataset.as ?? 'text';
    this.path = element.dataset.path ?? this.name;
  }

  get label() {
    const named = this.element.labels?.[0] ?? this.element.querySelector('legend');
    return this.element.dataset.label ?? named?.textContent.trim() ?? this.name;
  }

  get isLong() {
    return this.element.tagName === 'TEXTAREA' && this.as === 'text';
  }

  read() {
    return READERS[this.as](this.element);
  }

  write(value) {
    WRITERS[this.as](this.element, value);
  }

  /** Return the value that an answer of the API has for this field. */
  pick(entity) {
    return entity[this.name] ?? at(entity, this.path) ?? (this.as === 'text' ? '' : null);
  }

  /** Return what the field says (data-fault) of a value that is no number, or null. */
  fault(value) {
    const isMistyped =
      (this.as === 'int' && typeof value !== 'number') ||
      (this.as === 'limit' && value !== null && typeof value !== 'number') ||
      (this.as === 'money' && typeof value.amount_minor !== 'number');
    return isMistyped ? this.element.dataset.fault : null;
  }

  /** Return a value as words, for showing two of them beside each other. */
  words(value, yes, no) {
    if (this.as === 'bool') return value ? yes : no;
    if (this.as === 'lines') return value.join('\n');
    if (this.as === 'money') return `${amountOf(value.amount_minor)} ${value.currency}`;
    if (this.as === 'choice') return this.choice(value);
    if (this.as === 'radio') return this.option(value);
    return String(value ?? '–');
  }

  choice(value) {
    const options = [...(this.element.options ?? [])];
    return options.find((option) => option.value === value)?.textContent.trim() ?? String(value);
  }

  option(value) {
    const options = [...this.element.querySelectorAll('input')];
    const chosen = options.find((option) => option.value === value);
    return chosen?.dataset.label ?? String(value);
  }

  /** Show `message` at the field, or nothing. */
  blame(message) {
    const control = part(this.element, 'amount') ?? this.element;
    const id = `${control.id}-fault`;
    const old = document.getElementById(id);
    if (message === null) {
      control.removeAttribute('aria-invalid');
      old?.remove();
      return;
    }
    control.setAttribute('aria-invalid', 'true');
    const line = old ?? document.createElement('p');
    line.id = id;
    line.className = 'field__error';
    line.textContent = message;
    if (!old) (control.closest('.field') ?? control.parentElement).append(line);
    control.setAttribute('aria-errormessage', id);
  }
}

/** Return the form's fields by name. */
export function fieldsOf(form) {
  const fields = new Map();
  for (const element of form.querySelectorAll('[data-field]')) {
    const field = new Field(element);
    fields.set(field.name, field);
  }
  return fields;
}
