/** The page's facts and translated phrases, written by the template as JSON. */

/** Return the configuration found inside `root` (an element or a whole document). */
export function readConfig(root) {
  const source = root.querySelector('script[data-part="config"]');
  return Object.freeze(JSON.parse(source.textContent));
}

/** Fill the {names} of a translated phrase. */
export function phrase(template, values = {}) {
  return template.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}
