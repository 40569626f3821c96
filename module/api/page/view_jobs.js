// The list of a tenant's jobs: filters in the address, pages by cursor, rows that change live.

import { get, path, query, explain } from './api.js';
import { follow } from './events.js';
import { every, gathered } from './poll.js';
import { fill, h, reconcile, text } from './dom.js';
import { act, actOnAll, buttons, fits } from './actions.js';
import { FINAL, STATUSES, badge, label, problemBox, progress, setBadge, setProgress, table } from './parts.js';
import { between, clock, count, shortId } from './format.js';

const PAGE = 50;
const FIELDS = [
  { name: 'class_name', title: 'Class' },
  { name: 'owner', title: 'Owner' },
  { name: 'related_type', title: 'Related type', further: true },
  { name: 'related_id', title: 'Related id', further: true },
  { name: 'priority', title: 'Priority', type: 'number', further: true },
  { name: 'created_from', title: 'Created from', type: 'datetime-local', further: true },
  { name: 'created_to', title: 'Created to', type: 'datetime-local', further: true },
];
const COLUMNS = [
  { name: 'Status' }, { name: 'Job' }, { name: 'Progress' },
  { name: 'Priority', className: 'right optional' }, { name: 'Attempt', className: 'right optional' },
  { name: 'Created', className: 'optional' }, { name: 'Ran for', className: 'right optional' },
  { name: '' },
];

export function jobs(app, parameters) {
  if (!app.tenant) return { element: chooseTenant(), close() {} };
  const list = {
    app,
    filter: read(parameters),
    rows: [],
    chosen: -1,
    cursor: null,
    total: h('span', { role: 'status' }),
    problem: h('div', {}),
    more: h('button.small', { type: 'button', hidden: true, onclick: () => load(list, true) }, 'Load more'),
    table: table('Jobs', COLUMNS, 'No jobs match.'),
    bulk: h('span', {}),
  };
  const fresh = every(15000, () => load(list, false));
  const soon = gathered(1000, fresh.now);
  const stop = follow(path`/tenants/${app.tenant}/events` + query({ class_name: list.filter.class_name }), {
    state: app.live,
    event: (event) => changed(list, event, soon),
  });
  list.reload = fresh.now;
  return {
    element: layout(list),
    key: (event) => key(list, event),
    close() {
      fresh.stop();
      soon.cancel();
      stop();
    },
  };
}

function chooseTenant() {
  return [h('div.title', {}, h('h1', {}, 'Jobs')), h('div.card', {}, h('div.empty', {},
    'Choose a tenant at the top, or in the list of ', h('a', { href: '#/tenants' }, 'tenants'), '.'))];
}

// ---- Filters ----

function read(parameters) {
  const filter = {};
  for (const name of ['status', ...FIELDS.map((field) => field.name)]) {
    if (parameters.get(name)) filter[name] = parameters.get(name);
  }
  return filter;
}

// As the interface wants it: dates of the browser's zone with their offset.
function asked(filter) {
  const result = { ...filter };
  for (const name of ['created_from', 'created_to']) {
    if (result[name]) result[name] = new Date(result[name]).toISOString();
  }
  return result;
}

function go(list, changes) {
  location.hash = list.app.link('jobs', { ...list.filter, ...changes }).slice(1);
}

function layout(list) {
  const { app } = list;
  return [h('div.title', {}, h('h1', {}, `Jobs of ${app.tenant}`)), list.problem,
    h('section.card.jobs', { 'aria-label': 'Jobs' }, chips(list), fields(list), list.table.element,
      h('div.more', {}, list.total, h('span', {}, list.bulk, ' ', list.more)))];
}

function chips(list) {
  const chosen = new Set((list.filter.status || '').split(',').filter(Boolean));
  return h('div.chips', { role: 'group', 'aria-label': 'Status' }, STATUSES.map((status) => h('button.chip', {
    type: 'button',
    'aria-pressed': String(chosen.has(status)),
    dataset: { status },
    onclick: () => {
      if (!chosen.delete(status)) chosen.add(status);
      go(list, { status: [...chosen].join(',') });
    },
  }, label(status))));
}

function fields(list) {
  const [often, further] = [false, true].map((which) => h('div.fields', {},
    FIELDS.filter((one) => Boolean(one.further) === which).map((one) => field(list, one))));
  const used = FIELDS.some((one) => one.further && list.filter[one.name]);
  return h('form.filters', { 'aria-label': 'Filter', onsubmit: (event) => event.preventDefault() },
    often, h('details', { open: used }, h('summary', {}, 'More filters'), further));
}

function field(list, { name, title, type = 'text' }) {
  return h('label.field', {}, title, h('input', {
    type, name, value: list.filter[name] || '', spellcheck: 'false', autocomplete: 'off',
    onchange: (event) => go(list, { [name]: event.target.value.trim() }),
  }));
}

// ---- Rows ----

async function load(list, further) {
  try {
    const page = await get(path`/tenants/${list.app.tenant}/jobs` + query({
      ...asked(list.filter), limit: further ? PAGE : Math.max(PAGE, Math.min(list.rows.length, 500)),
      cursor: further ? list.cursor : '',
    }));
    list.rows = further ? [...list.rows, ...page.jobs] : page.jobs;
    list.cursor = page.cursor || null;
    list.more.hidden = !list.cursor;
    text(list.total, `${page.total_is === 'exact' ? '' : 'at least '}${count(page.total)} jobs, ${list.rows.length} shown`);
    showBulk(list, page);
    show(list);
    fill(list.problem);
  } catch (error) {
    fill(list.problem, problemBox(explain(error), () => load(list, false)));
  }
}

function showBulk(list, page) {
  const { app, filter } = list;
  const names = (filter.status || '').split(',').filter(Boolean);
  const only = (...all) => names.length > 0 && names.every((name) => all.includes(name));
  const total = `${page.total_is === 'exact' ? '' : 'at least '}${page.total}`;
  const button = (verb, name, ok) => app.may('operator') && page.total > 0 && ok && h('button.small', {
    type: 'button',
    onclick: async () => {
      if (await actOnAll(verb, app.tenant, bodyOf(filter), total)) list.reload();
    },
  }, name);
  fill(list.bulk,
    button('stop', 'Stop all of these…', only('PENDING', 'QUEUED', 'TO_BE_RUN', 'RUNNING')),
    button('retry', 'Retry all of these…', only('FAILED', 'ABORTED')));
}

function bodyOf(filter) {
  const body = asked(filter);
  if (body.status) body.status = body.status.split(',');
  if (body.priority) body.priority = Number(body.priority);
  return body;
}

function show(list) {
  reconcile(list.table.body, list.rows, {
    key: ({ id }) => id,
    make: (job) => row(list, job),
    update: (element, job) => updateRow(list, element, job),
  });
  choose(list, Math.min(list.chosen, list.rows.length - 1));
}

const link = ({ tenant, id }) => `#/jobs/${encodeURIComponent(tenant)}/${id}`;

function row(list, job) {
  return h('tr.link', { onclick: (event) => { if (!event.target.closest('a, button')) location.hash = link(job).slice(1); } },
    h('td', {}, badge(job.status)),
    h('td', {}, h('a.main', { href: link(job) }, job.class_name),
      h('div.sub', { title: job.id }, [job.description || shortId(job.id), job.owner].filter(Boolean).join(' · '))),
    h('td', { dataset: { status: job.status } }, progress(`Progress of ${job.class_name}`)),
    h('td.right.num.optional', {}, job.priority),
    h('td.right.num.optional', { dataset: { of: 'attempt' } }),
    h('td.nowrap.muted.optional', {}, clock(job.created_date)),
    h('td.right.nowrap.num.optional', { dataset: { of: 'time' } }),
    h('td.right.nowrap', { dataset: { of: 'actions' } }));
}

function updateRow(list, element, job) {
  setBadge(element.querySelector('.status'), job.status);
  const bar = element.querySelector('.progress');
  bar.parentElement.dataset.status = job.status;
  bar.hidden = job.status !== 'RUNNING' && !(FINAL.has(job.status) && job.percent_completed > 0);
  setProgress(bar, job.percent_completed);
  text(element.querySelector('[data-of=attempt]'), job.attempt || '');
  text(element.querySelector('[data-of=time]'), job.stop_date && job.start_date ? between(job.start_date, job.stop_date) : '');
  const actions = element.querySelector('[data-of=actions]');
  if (actions.dataset.status === job.status) return;
  actions.dataset.status = job.status;
  fill(actions, buttons(list.app, job, list.reload, { small: true }));
}

// ---- Live ----

// A row on the screen changes at once; a job that is not there may belong there: ask, soon.
function changed(list, { type, data }, soon) {
  const job = list.rows.find(({ id }) => id === data.jobId);
  if (type === 'status') soon();
  if (!job) return;
  if (type === 'progress') job.percent_completed = data.percentCompleted;
  else if (data.version > job.version) Object.assign(job, { status: data.jobEventType, version: data.version, attempt: data.attempt, percent_completed: data.percentCompleted });
  const element = [...list.table.body.children].find((child) => child.dataset.key === job.id);
  updateRow(list, element, job);
}

// ---- Keys ----

function choose(list, at) {
  list.chosen = at;
  [...list.table.body.children].forEach((element, i) => element.classList.toggle('selected', i === at));
}

function key(list, { key: name }) {
  const job = list.rows[list.chosen];
  if (name === 'j' || name === 'k') {
    choose(list, Math.max(0, Math.min(list.rows.length - 1, list.chosen + (name === 'j' ? 1 : -1))));
    list.table.body.children[list.chosen]?.scrollIntoView({ block: 'nearest' });
    list.table.body.children[list.chosen]?.querySelector('a').focus({ preventScroll: true });
  } else if (name === '/') {
    document.querySelector('form.filters input').focus();
  } else if ((name === 's' || name === 'r') && job && list.app.may('operator')) {
    const verb = name === 's' ? 'stop' : 'retry';
    if (fits(verb, job)) act(verb, job).then((done) => done && list.reload());
  } else {
    return false;
  }
  return true;
}
