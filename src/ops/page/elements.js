/** Elements are made here alone: whatever a text says, it is never markup. */

const SVG = 'http://www.w3.org/2000/svg';

/**
 * @param {string} tag with classes, as `p.note`
 * @param {...(Node | string)} children
 */
export function element(tag, ...children) {
  const [name = '', ...classes] = tag.split('.');
  const made = document.createElement(name);
  if (classes.length > 0) made.className = classes.join(' ');
  made.append(...children);
  return made;
}

/**
 * @param {string} name
 * @param {Readonly<Record<string, string | number>>} attributes
 * @param {...Node} children
 */
export function drawing(name, attributes, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  made.append(...children);
  return made;
}

/** @param {string} id */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`no element has the id ${id}`);
  return found;
}

/** What a part showed last: it is drawn again only where that has changed, so that a selection stays. */
const shown = new WeakMap();

/**
 * @param {HTMLElement} parent
 * @param {unknown} data everything that the children show
 * @param {() => Node[]} children
 */
export function fill(parent, data, children) {
  const key = JSON.stringify(data);
  if (shown.get(parent) === key) return;
  shown.set(parent, key);
  parent.replaceChildren(...children());
}
