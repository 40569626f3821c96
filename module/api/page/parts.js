// Pieces that several views are made of.

import { h, svg, text } from './dom.js';

export const STATUSES = ['PENDING', 'QUEUED', 'TO_BE_RUN', 'RUNNING', 'SUCCEEDED', 'FAILED', 'ABORTED'];
export const FINAL = new Set(['SUCCEEDED', 'FAILED', 'ABORTED']);

export function label(status) {
  return status.toLowerCase().replaceAll('_', ' ');
}

export function badge(status) {
  return setBadge(h('span.status', {}), status);
}

export function setBadge(element, status) {
  if (element.dataset.status !== status) element.dataset.status = status;
  text(element, label(status));
  return element;
}

/** A bar for 0…100 that says its value to assistive technology. */
export function progress(name, { large = false } = {}) {
  const element = h(large ? 'div.progress.large' : 'div.progress', {
    role: 'progressbar', 'aria-label': name, 'aria-valuemin': 0, 'aria-valuemax': 100,
  }, h('div.track', {}, h('div.fill')), h('span.percent'));
  return setProgress(element, 0);
}

export function setProgress(element, percent) {
  element.setAttribute('aria-valuenow', percent);
  element.querySelector('.fill').style.transform = `scaleX(${percent / 100})`;
  text(element.querySelector('.percent'), `${percent}%`);
  return element;
}

export function card(title, body, { end = null, id } = {}) {
  return h('section.card', { 'aria-label': title, id },
    h('header', {}, h('h2', {}, title), end && h('div.end', {}, end)), body);
}

export function tile(name, href, status) {
  const element = h(href ? 'a.tile' : 'div.tile', { href, dataset: status ? { status } : null },
    h('span.label', {}, name), h('span.figure', {}, '–'), h('span.note'));
  return {
    element,
    set(figure, note = '') {
      text(element.querySelector('.figure'), figure);
      text(element.querySelector('.note'), note);
    },
  };
}

/** A table with a header; columns: [{name, className}]. → {element, body, empty(text)}. */
export function table(caption, columns, none) {
  const body = h('tbody');
  const empty = h('div.empty', {}, none);
  const element = h('div.scroll', {}, h('table', {}, h('caption.visually-hidden', {}, caption),
    h('thead', {}, h('tr', {}, columns.map(heading))), body), empty);
  const count = () => { empty.hidden = body.childElementCount > 0; };
  new MutationObserver(count).observe(body, { childList: true });
  return { element, body };
}

function heading({ name, className }) {
  const tag = className ? `th.${className.split(' ').join('.')}` : 'th';
  return h(tag, { scope: 'col' }, name);
}

export function problemBox(message, retry) {
  return h('div.problem', { role: 'alert' }, message, ' ',
    retry && h('button.small', { type: 'button', onclick: retry }, 'Try again'));
}

const ICONS = {
  sun: ['M12 3v2M12 19v2M3 12h2M19 12h2M5.6 5.6 7 7M17 17l1.4 1.4M5.6 18.4 7 17M17 7l1.4-1.4',
    'M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8'],
  moon: ['M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5'],
  system: ['M4 5h16v11H4zM9 20h6M12 16v4'],
  leave: ['M14 5H6v14h8M10 12h11M17.5 8.500 21 12l-3.500 3.500'],
};

export function icon(name) {
  return svg('svg', { viewBox: '0 0 24 24', 'aria-hidden': 'true' },
    ICONS[name].map((d) => svg('path', { d })));
}
