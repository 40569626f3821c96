// Instances: which processes run jobs, how full their pools are, whether they live. And the classes.

import { get, explain } from './api.js';
import { every } from './poll.js';
import { fill, h, reconcile, text } from './dom.js';
import { card, problemBox, table } from './parts.js';
import { count, relative } from './format.js';

const COLUMNS = [
  { name: 'Instance' }, { name: 'State' }, { name: 'Pool' }, { name: 'Started' },
  { name: 'Classes', className: 'right optional' }, { name: 'Version', className: 'optional' },
  { name: 'Datasource', className: 'optional' },
];
const CLASS_COLUMNS = [
  { name: 'Class' }, { name: 'Instances', className: 'right' }, { name: 'Limit', className: 'right' },
  { name: 'State' }, { name: 'Datasource', className: 'optional' },
];
const TONES = { UP: 'SUCCEEDED', AWAY: 'QUEUED', LOST: 'FAILED' };

export function instances(app) {
  const view = {
    problem: h('div', {}),
    table: table('Instances', COLUMNS, 'No instance is known.'),
    classes: table('Classes', CLASS_COLUMNS, 'No class is known.'),
  };
  const fresh = every(3000, () => load(view));
  view.reload = fresh.now;
  app.live('polling');
  return {
    element: [h('div.title', {}, h('h1', {}, 'Instances')), view.problem,
      card('Instances', view.table.element), card('Classes', view.classes.element)],
    close: () => fresh.stop(),
  };
}

async function load(view) {
  try {
    const [{ instances: all }, { classes }] = await Promise.all([get('/instances'), get('/classes')]);
    fill(view.problem);
    show(view, all, classes);
  } catch (error) {
    fill(view.problem, problemBox(explain(error), view.reload));
  }
}

function show(view, all, classes) {
  reconcile(view.table.body, all, {
    key: ({ id, datasource }) => `${datasource}/${id}`, make: row, update,
  });
  reconcile(view.classes.body, classes, {
    key: ({ class_name: name, datasource }) => `${datasource}/${name}`, make: classRow, update: updateClass,
  });
}

const cell = (name, ...classes) => h(['td', ...classes].join('.'), { dataset: { of: name } });
const find = (element, name) => element.querySelector(`[data-of=${name}]`);

function row(one) {
  return h('tr', {},
    h('td', {}, h('span.main', {}, one.name), h('div.sub', {}, `${one.host}, process ${one.pid}`)),
    h('td', {}, h('span.status', { dataset: { of: 'state' } })),
    h('td', {}, h('div.meter', {}, h('span.num', {}), h('div.track', {}, h('div.fill')))),
    cell('started', 'nowrap', 'muted'), h('td.right.num.optional', {}, one.classes),
    h('td.optional.muted', {}, one.version), h('td.optional.muted', {}, one.datasource));
}

function update(element, one) {
  const state = find(element, 'state');
  state.dataset.status = TONES[one.state];
  text(state, one.state.toLowerCase());
  text(element.querySelector('.meter span'), `${count(one.running)} of ${count(one.pool_size)}`);
  element.querySelector('.fill').style.transform = `scaleX(${Math.min(1, one.running / one.pool_size)})`;
  text(find(element, 'started'), relative(one.started_date));
}

function classRow(one) {
  return h('tr', {}, h('td.main', {}, one.class_name), cell('instances', 'right', 'num'), cell('limit', 'right', 'num'),
    cell('state'), h('td.optional.muted', {}, one.datasource));
}

function updateClass(element, one) {
  text(find(element, 'instances'), count(one.instances));
  text(find(element, 'limit'), one.max_running === undefined ? 'none' : count(one.max_running));
  text(find(element, 'state'), one.paused ? 'paused' : one.instances === 0 ? 'no instance has it' : '');
}
