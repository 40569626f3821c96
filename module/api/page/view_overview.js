// Overview: what flows, what waits, what runs now and what failed, of one tenant or of all.

import { get, path, query, explain } from './api.js';
import { every, gathered } from './poll.js';
import { follow } from './events.js';
import { fill, h, reconcile, text } from './dom.js';
import { card, progress, setProgress, table, tile } from './parts.js';
import { timeChart } from './chart.js';
import { clock, count, duration, rate, relative, shortId } from './format.js';

const STATS_MS = 2000;
const ALL_STATS_MS = 5000;  // of all tenants: a longer answer
const RUNNING_ROWS = 8;
const FAILED_ROWS = 6;
const GROUPS = 10;
const BUSY_TENANTS = 4;     // whose jobs are shown while no tenant is chosen

const LINES = [
  { label: 'created per second', tone: '--accent' },
  { label: 'succeeded per second', tone: '--succeeded' },
  { label: 'failed or aborted per second', tone: '--failed' },
];

export function overview(app) {
  const parts = {
    problem: h('div', {}),
    tiles: tiles(app),
    chart: timeChart(LINES, { name: 'Throughput' }),
    running: h('ul.running', {}),
    runningNote: h('div.empty', {}, 'Nothing runs now.'),
    failed: table('Latest failures', [{ name: 'Job' }, { name: 'When', className: 'right' }], 'No failures kept.'),
    groups: table(app.tenant ? 'Classes' : 'Tenants with most work', groupColumns(app), 'No jobs yet.'),
  };
  const state = { tenants: app.tenant ? [app.tenant] : [], rows: 0, stop: null };
  const lists = every(app.tenant ? 10000 : 3000, () => guarded(parts, () => showLists(app, parts, state)));
  const soon = gathered(300, lists.now);
  const stats = every(app.tenant ? STATS_MS : ALL_STATS_MS, async () => {
    await guarded(parts, () => showStats(app, parts, state, soon));
    return state.rows;
  });
  if (app.tenant) state.stop = live(app, parts, soon);
  else app.live('polling');
  return {
    element: layout(app, parts),
    close() {
      stats.stop();
      lists.stop();
      soon.cancel();
      state.stop?.();
      parts.chart.close();
    },
  };
}

function layout(app, parts) {
  return [
    h('div.title', {}, h('h1', {}, app.tenant || 'All tenants')),
    parts.problem,
    h('div.tiles', {}, Object.values(parts.tiles).map(({ element }) => element)),
    h('div.grid.two', {},
      card('Throughput', h('div.body', {}, parts.chart.element)),
      card('Running now', [parts.running, parts.runningNote], { id: 'running-now' })),
    h('div.grid.half', {},
      card(app.tenant ? 'Classes' : 'Busiest tenants', parts.groups.element),
      card('Latest failures', parts.failed.element)),
  ];
}

function tiles(app) {
  const to = (status) => (app.tenant ? app.link('jobs', { status }) : null);
  return {
    RUNNING: tile('Running', to('RUNNING'), 'RUNNING'),
    QUEUED: tile('Queued', to('QUEUED'), 'QUEUED'),
    PENDING: tile('Waiting', to('PENDING'), 'PENDING'),
    SUCCEEDED: tile('Succeeded', to('SUCCEEDED'), 'SUCCEEDED'),
    FAILED: tile('Failed', to('FAILED'), 'FAILED'),
    ABORTED: tile('Aborted', to('ABORTED'), 'ABORTED'),
  };
}

async function guarded(parts, work) {
  try {
    await work();
    fill(parts.problem);
  } catch (error) {
    fill(parts.problem, h('div.problem', { role: 'alert' }, explain(error)));
  }
}

// ---- Figures ----

async function showStats(app, parts, state, soon) {
  const [{ counts, total, throughput }, busy] = await Promise.all(app.tenant
    ? [get(path`/tenants/${app.tenant}/stats` + query({ limit: 1000 }))]
    : [get(`/stats${query({ limit: 1 })}`), get(`/tenants${query({ limit: GROUPS, order: 'work' })}`)]);
  const note = {
    RUNNING: total.TO_BE_RUN > 0 ? `${count(total.TO_BE_RUN)} about to` : '',
    QUEUED: drain(total, throughput),
    SUCCEEDED: throughput.seconds > 0 ? `${rate(throughput.succeeded)} per second` : '',
    FAILED: throughput.failed > 0 ? `${rate(throughput.failed)} per second` : '',
  };
  for (const [status, { set }] of Object.entries(parts.tiles)) set(count(total[status]), note[status]);
  if (throughput.seconds > 0) {
    const ended = throughput.failed + throughput.aborted;
    parts.chart.push(Date.now() / 1000, [throughput.created, throughput.succeeded, ended]);
    parts.chart.describe(`${rate(throughput.created)} created, ${rate(throughput.succeeded)} succeeded, ${rate(ended)} failed or aborted per second`);
  }
  const groups = app.tenant ? counts.map((row) => ({ ...row, name: row.class_name }))
    : busy.tenants.map((row) => ({ ...row.total, name: row.tenant }));
  state.rows = app.tenant ? counts.length : busy.total;
  showGroups(app, parts, groups);
  if (!app.tenant) {
    state.tenants = busiest(groups, BUSY_TENANTS).map((row) => row.name);
    soon();
  }
}

// How long the queue would last at this rate, if nothing came in any more.
function drain({ QUEUED }, { succeeded, failed, aborted }) {
  const ends = succeeded + failed + aborted;
  if (QUEUED === 0 || ends === 0 || QUEUED / ends < 2) return '';
  return `${duration((QUEUED / ends) * 1000)} of work`;
}

function busiest(rows, n) {
  const weight = (row) => [row.RUNNING, row.QUEUED, row.FAILED];
  const order = (a, b) => weight(b).map((w, i) => w - weight(a)[i]).find((d) => d !== 0) || 0;
  return rows.sort(order).slice(0, n);
}

function groupColumns(app) {
  const numbers = ['Running', 'Queued', 'Succeeded', 'Failed'];
  return [{ name: app.tenant ? 'Class' : 'Tenant' }, ...numbers.map((name) => ({ name, className: 'right' }))];
}

function showGroups(app, parts, rows) {
  reconcile(parts.groups.body, busiest(rows, GROUPS), {
    key: ({ name }) => name,
    make: ({ name }) => h('tr', {}, h('td', {}, h('a', { href: groupLink(app, name) }, name)),
      ['RUNNING', 'QUEUED', 'SUCCEEDED', 'FAILED'].map((status) => h('td.right.num', { dataset: { of: status } }))),
    update: (element, row) => {
      for (const cell of element.querySelectorAll('[data-of]')) text(cell, count(row[cell.dataset.of]));
    },
  });
}

function groupLink(app, name) {
  return app.tenant ? app.link('jobs', { class_name: name }) : `#/${query({ tenant: name })}`;
}

// ---- Lists ----

async function showLists(app, parts, state) {
  const [running, failed] = await Promise.all([
    listed(state.tenants, 'RUNNING', RUNNING_ROWS), listed(state.tenants, 'FAILED', FAILED_ROWS)]);
  showRunning(app, parts, running);
  showFailed(app, parts, failed);
}

async function listed(tenants, status, limit) {
  const answers = await Promise.all(tenants.map((tenant) => get(
    path`/tenants/${tenant}/jobs` + query({ status, limit, full: status === 'FAILED' }))));
  const jobs = answers.flatMap((answer) => answer.jobs);
  return jobs.sort((a, b) => (a.status_date < b.status_date ? 1 : -1)).slice(0, limit);
}

function showRunning(app, parts, jobs) {
  parts.runningNote.hidden = jobs.length > 0;
  reconcile(parts.running, jobs, {
    key: ({ id }) => id,
    make: (job) => h('li', { dataset: { status: 'RUNNING' } },
      h('div.line', {}, h('a.main', { href: jobLink(job) }, job.class_name),
        h('span.muted', {}, app.tenant ? job.description || shortId(job.id) : job.tenant),
        h('span.muted.end', { dataset: { of: 'end' } })),
      progress(`Progress of ${job.class_name}`)),
    update: (element, job) => {
      setProgress(element.querySelector('.progress'), job.percent_completed);
      text(element.querySelector('[data-of=end]'), job.estimated_completion ? `ends ${relative(job.estimated_completion)}` : '');
    },
  });
}

const jobLink = ({ tenant, id }) => `#/jobs/${encodeURIComponent(tenant)}/${id}`;

function showFailed(app, parts, jobs) {
  reconcile(parts.failed.body, jobs, {
    key: ({ id, version }) => `${id}/${version}`,
    make: (job) => h('tr', {},
      h('td', {}, h('a.main', { href: jobLink(job) }, job.class_name), ' ', h('span.muted', {}, app.tenant ? '' : job.tenant),
        h('div.sub', { title: job.error }, [job.error_kind, (job.error || '').split('\n')[0]].filter(Boolean).join(': '))),
      h('td.right.nowrap.muted', {}, clock(job.stop_date))),
    update: () => {},
  });
}

// ---- Live ----

// Starts and ends ask for the lists again, a few times a second at most; progress moves the bars.
function live(app, parts, soon) {
  return follow(path`/tenants/${app.tenant}/events` + query({ status: ['RUNNING', 'SUCCEEDED', 'FAILED', 'ABORTED'] }), {
    state: app.live,
    event: ({ type, data }) => {
      if (type === 'status') soon();
      else if (type === 'progress') moveBar(parts.running, data);
    },
  });
}

function moveBar(list, { jobId, percentCompleted, estimatedCompletion }) {
  const row = [...list.children].find((element) => element.dataset.key === jobId);
  if (!row) return;
  setProgress(row.querySelector('.progress'), percentCompleted);
  if (estimatedCompletion) text(row.querySelector('[data-of=end]'), `ends ${relative(estimatedCompletion)}`);
}
