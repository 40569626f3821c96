// One job: how far it is, its way so far, what it was given and what it gave back.

import { get, path, query, explain, Problem } from './api.js';
import { follow } from './events.js';
import { every, gathered } from './poll.js';
import { announce, fill, h, reconcile, text } from './dom.js';
import { act, buttons, fits } from './actions.js';
import { FINAL, badge, card, label, problemBox, progress, setBadge, setProgress } from './parts.js';
import { between, clock, json, relative, when } from './format.js';

export function job(app, parameters, tenant, id) {
  const view = {
    app,
    where: path`/tenants/${tenant}/jobs/${id}`,
    job: null,
    problem: h('div', {}),
    head: h('div.title', {}),
    badge: badge('PENDING'),
    bar: progress('Progress', { large: true }),
    end: h('p.muted', { dataset: { of: 'end' } }),
    facts: h('dl.facts', {}),
    timeline: h('ol.timeline', {}),
    why: card('Why it does not run', h('ul.why', {}), { id: 'why' }),
    texts: h('div.grid', {}),
    attempts: h('div', {}),
  };
  const fresh = every(20000, () => load(view));
  const soon = gathered(100, fresh.now);
  const waiting = every(5000, () => loadWhy(view));
  view.reload = fresh.now;
  const stop = follow(path`/tenants/${tenant}/events` + query({ job: id }), {
    state: app.live,
    event: ({ type, data }) => {
      if (type === 'progress' && view.job) moved(view, data);
      else if (type === 'status') {
        changed(view, data);
        soon();
      }
    },
  });
  return {
    title: 'Job',
    element: layout(view),
    key: (event) => key(view, event),
    close() {
      fresh.stop();
      waiting.stop();
      soon.cancel();
      stop();
    },
  };
}

function layout(view) {
  return [
    view.head, view.problem,
    h('section.card', { 'aria-label': 'State', id: 'state' }, h('div.body.state', {}, view.badge, view.bar, view.end)),
    view.why,
    h('div.grid.two', {},
      h('div.grid', {}, view.texts, view.attempts),
      h('div.grid', {}, card('Life', view.timeline), card('Facts', h('div.body', {}, view.facts)))),
  ];
}

function key(view, { key: name }) {
  const verb = { s: 'stop', r: 'retry' }[name];
  if (!verb || !view.job || !view.app.may('operator') || !fits(verb, view.job)) return false;
  act(verb, view.job).then((done) => done && view.reload());
  return true;
}

// ---- What the server says ----

async function load(view) {
  try {
    const [job, { attempts }, { logs }] = await Promise.all([
      get(view.where), get(`${view.where}/attempts`), get(`${view.where}/logs`)]);
    fill(view.problem);
    if (view.job && job.version < view.job.version) return; // an event was faster
    const before = view.job;
    view.job = job;
    if (before && before.status !== job.status) announce(`The job is ${label(job.status)}.`);
    show(view, attempts, logs);
    if (!before) loadWhy(view);
  } catch (error) {
    const gone = error instanceof Problem && error.status === 404;
    fill(view.problem, problemBox(gone ? 'There is no such job (any more).' : explain(error), () => load(view)));
  }
}

// A status event is shown at once; what it does not say is read just after.
function changed(view, data) {
  if (!view.job || data.version <= view.job.version) return;
  Object.assign(view.job, {
    status: data.jobEventType, version: data.version, attempt: data.attempt, percent_completed: data.percentCompleted,
  });
  announce(`The job is ${label(view.job.status)}.`);
  showState(view);
}

function moved(view, { attempt, percentCompleted, estimatedCompletion }) {
  if (attempt !== undefined && attempt < view.job.attempt) return;
  view.job.percent_completed = percentCompleted;
  if (estimatedCompletion) view.job.estimated_completion = estimatedCompletion;
  showState(view);
}

async function loadWhy(view) {
  const waits = view.job && !FINAL.has(view.job.status) && view.job.status !== 'RUNNING';
  view.why.hidden = !waits;
  if (!waits) return;
  try {
    const { reasons, estimated_start: estimate } = await get(`${view.where}/why`);
    const lines = reasons.map(({ reason, code, text: sentence }) => h('li', {}, sentence, h('span.code', {}, reason || code)));
    if (estimate) lines.push(h('li', {}, `Expected to start ${relative(estimate)}.`));
    fill(view.why.querySelector('ul'), lines);
  } catch (error) {
    fill(view.why.querySelector('ul'), h('li', {}, explain(error)));
  }
}

// ---- Drawing ----

function show(view, attempts, logs) {
  const { job } = view;
  document.title = `${job.class_name} · Jobs`;
  showState(view);
  reconcile(view.facts, facts(job), {
    key: ({ name, part }) => `${name}/${part}`,
    make: ({ name, part, node }) => (part === 'dt' ? h('dt', {}, name) : h('dd', {}, node)),
    update: (element, { part, value }) => { if (part === 'dd' && value !== undefined) text(element, value); },
  });
  fill(view.timeline, life(job, attempts));
  showTexts(view, logs);
  fill(view.attempts, attempts.length > 1 && attemptTable(attempts));
  view.why.hidden = FINAL.has(job.status) || job.status === 'RUNNING';
}

function showState(view) {
  const { job } = view;
  setBadge(view.badge, job.status);
  view.bar.dataset.status = job.status;
  view.bar.hidden = !(job.status === 'RUNNING' || job.percent_completed > 0);
  setProgress(view.bar, job.percent_completed);
  text(view.end, job.status === 'RUNNING' && job.estimated_completion ? `Expected to end ${relative(job.estimated_completion)}` : '');
  fill(view.head, h('h1', {}, job.class_name), h('span.muted', {}, job.description),
    h('div.actions', {}, buttons(view.app, job, view.reload)));
}

function facts(job) {
  const rows = [
    ['Id', job.id], ['Tenant', job.tenant], ['Owner', job.owner],
    ['Related to', [job.related_type, job.related_id].filter(Boolean).join(' ')],
    ['Priority', job.priority], ['Attempt', job.max_attempts ? `${job.attempt} of at most ${job.max_attempts}` : job.attempt],
    ['Created', when(job.created_date)], ['Ran for', job.start_date && job.stop_date ? between(job.start_date, job.stop_date) : ''],
    ['Not before', job.trigger_after_date && when(job.trigger_after_date)],
    ['Expires', job.expiration_date && when(job.expiration_date)],
    ['Instance', job.instance], ['Kept for ever', job.locked ? 'yes' : ''],
    ['Version', job.version], ['Trace', job.traceparent],
  ].filter(([, value]) => value !== undefined && value !== null && value !== '');
  return rows.flatMap(([name, value]) => [{ name, part: 'dt' }, { name, part: 'dd', value }]);
}

// The way of the job, oldest first. Moves without a date of their own are not shown.
function life(job, attempts) {
  const steps = [step('PENDING', 'Created', job.created_date, job.owner && `by ${job.owner}`)];
  if (job.queued_date && attempts.length === 0) steps.push(step('QUEUED', 'Queued', job.queued_date));
  for (const one of attempts) {
    if (one.start_date) steps.push(step('RUNNING', `Attempt ${one.attempt} started`, one.start_date, one.instance && `on ${one.instance}`));
    if (one.stop_date) steps.push(step(statusOf(one), `Attempt ${one.attempt} ${label(one.outcome)}`, one.stop_date, [one.start_date && `after ${between(one.start_date, one.stop_date)}`, one.error_kind].filter(Boolean).join(', ')));
  }
  const last = attempts.at(-1);
  if (FINAL.has(job.status) && last?.stop_date !== job.stop_date) steps.push(step(job.status, label(job.status), job.stop_date));
  if (job.status === 'PENDING' && job.trigger_after_date) steps.push(step('PENDING', 'Waits until', job.trigger_after_date));
  if (job.status === 'QUEUED' || job.status === 'TO_BE_RUN') steps.push(step(job.status, label(job.status), job.status_date));
  return steps.sort((a, b) => (a.dataset.at < b.dataset.at ? -1 : 1));
}

const statusOf = ({ outcome }) => ({ SNOOZED: 'PENDING', HANDED_BACK: 'QUEUED' })[outcome] || outcome;

function step(status, what, date, note) {
  return h('li', { dataset: { status, at: date } },
    h('div', {}, h('div.what', {}, what), note && h('div.note', {}, note)),
    h('time', { datetime: date, title: when(date) }, clock(date)));
}

function showTexts(view, logs) {
  const { job } = view;
  const cards = [];
  if (job.error) cards.push({ title: job.error_kind ? `Error: ${job.error_kind}` : 'Error', content: job.error });
  if (job.result !== undefined) cards.push({ title: job.result_class_name ? `Result: ${job.result_class_name}` : 'Result', content: json(job.result) });
  cards.push({ title: 'Parameters', content: json(job.parameters ?? {}) });
  for (const log of logs) cards.push({ title: `Log of attempt ${log.attempt}`, content: log.text });
  reconcile(view.texts, cards, {
    key: ({ title }) => title,
    make: ({ title }) => card(title, h('pre.text', { tabindex: 0 })),
    update: (element, { content }) => text(element.querySelector('pre'), content),
  });
}

function attemptTable(attempts) {
  return card('Attempts', h('div.scroll', {}, h('table', {}, h('caption.visually-hidden', {}, 'Attempts'),
    h('thead', {}, h('tr', {}, ['Attempt', 'Outcome', 'Started', 'Ran for', 'Error'].map((name) => h('th', { scope: 'col' }, name)))),
    h('tbody', {}, attempts.map((one) => h('tr', {},
      h('td.num', {}, one.attempt), h('td', {}, h('span.status', { dataset: { status: statusOf(one) } }, label(one.outcome))),
      h('td.nowrap', {}, clock(one.start_date)), h('td.nowrap.num', {}, between(one.start_date, one.stop_date)),
      h('td', {}, h('div.sub', { title: one.error }, [one.error_kind, (one.error || '').split('\n')[0]].filter(Boolean).join(': ')))))))));
}
