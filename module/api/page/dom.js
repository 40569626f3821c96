// Small helpers to build and update the page. Text always becomes text nodes: what users wrote
// is never read as HTML.

/**
 * h('a.button', {href: '#/'}, 'text', node, …): an element. Classes follow the tag after dots;
 * an attribute named on… is a listener; null, undefined and false attributes and children are
 * left out; `dataset` is an object.
 */
export function h(tag, attributes, ...children) {
  const [name, ...classes] = tag.split('.');
  const element = document.createElement(name || 'div');
  if (classes.length > 0) element.className = classes.join(' ');
  set(element, attributes || {});
  append(element, children);
  return element;
}

const SVG = 'http://www.w3.org/2000/svg';

/** Like h, for SVG elements. */
export function svg(name, attributes, ...children) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes || {})) element.setAttribute(key, value);
  append(element, children);
  return element;
}

function set(element, attributes) {
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith('on')) element.addEventListener(key.slice(2), value);
    else if (key === 'dataset') Object.assign(element.dataset, value);
    else if (key === 'value') element.value = value;
    else element.setAttribute(key, value === true ? '' : String(value));
  }
}

function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

/** Put other children in the place of the element's. */
export function fill(element, ...children) {
  element.replaceChildren();
  append(element, children);
  return element;
}

/** Change the text only if it differs: an unchanged page is not laid out anew, nor read aloud. */
export function text(element, value) {
  const next = value === null || value === undefined ? '' : String(value);
  if (element.textContent !== next) element.textContent = next;
}

/**
 * Bring the children of `parent` in line with `items`, in their order, keeping the elements of
 * items that stay (and with them focus, selection and running transitions).
 * key(item) → string; make(item) → element; update(element, item) is called for old and new ones.
 */
export function reconcile(parent, items, { key, make, update }) {
  const old = new Map();
  for (const child of parent.children) old.set(child.dataset.key, child);
  let at = parent.firstElementChild;
  for (const item of items) {
    const name = key(item);
    let element = old.get(name);
    if (!element) {
      element = make(item);
      element.dataset.key = name;
    }
    old.delete(name);
    update(element, item);
    if (element === at) at = at.nextElementSibling;
    else parent.insertBefore(element, at);
  }
  for (const element of old.values()) element.remove();
}

/** A line for people who cannot see that something changed. */
export function announce(message) {
  text(document.getElementById('announcer'), message);
}

/** A short note at the edge of the page that goes away by itself. */
export function toast(message, kind = 'info') {
  const note = h(`div.toast.${kind}`, { role: kind === 'error' ? 'alert' : 'status' }, message);
  document.getElementById('toasts').append(note);
  setTimeout(() => note.remove(), kind === 'error' ? 8000 : 4000);
}
