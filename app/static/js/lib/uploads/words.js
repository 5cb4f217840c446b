// What a person reads of an upload: sizes, speeds, times and refusals in their own language.
const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'];
const language = document.documentElement.lang || 'en';

/** Put `values` into the `{names}` of `text`. */
export function say(text, values = {}) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}

/** Return a number of bytes as people read it: 12.4 MB. */
export function bytes(count) {
  let value = count;
  let unit = 0;
  for (; value >= 999.5 && unit < UNITS.length - 1; unit += 1) value /= 1024;
  const maximumFractionDigits = value < 10 && unit ? 1 : 0;
  return new Intl.NumberFormat(language, { style: 'unit', unit: UNITS[unit], maximumFractionDigits }).format(value);
}

/** Return a share as people read it; 100 % only at the end. */
export function percent(part, whole) {
  const share = whole ? Math.floor((part / whole) * 100) / 100 : 0;
  return new Intl.NumberFormat(language, { style: 'percent' }).format(Math.min(1, share));
}

/** Return how long something will take, in `words`. */
export function left(seconds, words) {
  if (seconds === null) return '';
  if (seconds < 50) return words.leftSoon;
  const minutes = Math.ceil(seconds / 60);
  if (minutes < 60) return say(words.leftMinutes, { n: minutes });
  return say(words.leftHours, { h: Math.floor(minutes / 60), m: minutes % 60 });
}

/** Return [who refused and why, what to do] of a refusal. */
export function refusal(failure, words) {
  const { code, layer, problem } = failure;
  const values = {
    limit: problem.limit_bytes === undefined ? '' : bytes(problem.limit_bytes),
    free: problem.free_bytes === undefined ? '' : bytes(problem.free_bytes),
    suffixes: (problem.suffixes ?? []).join(' '),
    status: problem.status ?? '',
  };
  const own = words.refusals[code] ?? words.refusals[layer];
  const fields = (problem.errors ?? []).map(({ message }) => message).join(' ');
  if (own) return [say(own[0], values), say(own[1], values)];
  return [fields || problem.detail || words.refusals.other[0], problem.remedy || words.refusals.other[1]];
}
