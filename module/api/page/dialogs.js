// The three dialogs: token, confirmation, keys.

import { setToken } from './api.js';
import { fill, h } from './dom.js';

const dialog = document.getElementById('dialog');

/** Ask for a token until one is given. */
export function askToken(problem) {
  const input = h('input', {
    type: 'password', id: 'token', autocomplete: 'off', required: true, spellcheck: 'false',
  });
  fill(dialog, h('form', { method: 'dialog' },
    h('h1', { id: 'dialog-title' }, 'Sign in'),
    h('p.muted', {}, 'The page needs an API token. Make one with ',
      h('code', {}, 'jobctl token create --role viewer'), '. It stays in this tab.'),
    problem && h('p.problem', { role: 'alert' }, problem),
    h('label.field', {}, 'Token', input),
    h('div.actions', {}, h('button.primary', { type: 'submit' }, 'Sign in'))));
  return opened({ cancellable: false }).then(() => setToken(input.value.trim()));
}

/** → true when the person agrees. */
export function confirm(question, explanation, verb, { danger = false } = {}) {
  fill(dialog, h('form', { method: 'dialog' },
    h('h1', { id: 'dialog-title' }, question),
    explanation && h('p.muted', {}, explanation),
    h('div.actions', {}, h('button', { type: 'submit', value: 'no' }, 'Cancel'),
      h(danger ? 'button.danger' : 'button.primary', { type: 'submit', value: 'yes' }, verb))));
  const answer = opened({ cancellable: true });
  dialog.querySelector('button[value=yes]').focus();
  return answer.then((value) => value === 'yes');
}

const KEYS = [
  ['g o', 'Overview'], ['g j', 'Jobs'], ['g t', 'Tenants'], ['g i', 'Instances'],
  ['/', 'Filter the list'], ['j k', 'Down and up in a list'], ['Enter', 'Open the chosen job'],
  ['s', 'Stop the job'], ['r', 'Retry the job'], ['?', 'This help'],
];

export function showKeys() {
  fill(dialog, h('form', { method: 'dialog' },
    h('h1', { id: 'dialog-title' }, 'Keys'),
    h('div.keys', {}, KEYS.map(([keys, what]) => [
      h('span', {}, keys.split(' ').map((key) => [h('kbd', {}, key), ' '])), h('span', {}, what)])),
    h('div.actions', {}, h('button.primary', { type: 'submit' }, 'Close'))));
  opened({ cancellable: true });
}

function opened({ cancellable }) {
  dialog.setAttribute('aria-labelledby', 'dialog-title');
  dialog.returnValue = '';
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.oncancel = (event) => { if (!cancellable) event.preventDefault(); };
    dialog.onclose = () => { dialog.onclose = null; resolve(dialog.returnValue); };
  });
}
