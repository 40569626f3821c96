// Tenants: how many jobs they have, their limits, the share of the pool that they get.

import { call, get, path, query, explain } from './api.js';
import { every, gathered } from './poll.js';
import { fill, h, reconcile, text, toast } from './dom.js';
import { confirm } from './dialogs.js';
import { card, problemBox, table } from './parts.js';
import { count } from './format.js';

const ROWS = 200;
const COLUMNS = [
  { name: 'Tenant' }, { name: 'State' }, { name: 'Running' },
  { name: 'Queued' }, { name: 'Share of the pool' }, { name: 'Weight', className: 'right optional' },
  { name: 'Failed', className: 'right optional' }, { name: 'Datasource', className: 'optional' }, { name: '' },
];

export function tenants(app) {
  const view = {
    app,
    page: { tenants: [], total: 0 },
    problem: h('div', {}),
    shown: h('span', { role: 'status' }),
    search: h('input', { type: 'search', placeholder: 'Find a tenant', 'aria-label': 'Find a tenant', oninput: () => view.soon() }),
    table: table('Tenants', COLUMNS, 'No such tenant.'),
  };
  const fresh = every(3000, async () => {
    await load(view);
    return view.page.total;
  });
  view.reload = fresh.now;
  const soon = gathered(200, fresh.now); // the server looks for what is typed
  view.soon = soon;
  app.live('polling');
  return {
    element: [h('div.title', {}, h('h1', {}, 'Tenants')), view.problem,
      card('Tenants', [view.table.element, h('div.more', {}, view.shown)], { end: view.search })],
    key: ({ key }) => key === '/' && (view.search.focus(), true),
    close() {
      fresh.stop();
      soon.cancel();
    },
  };
}

async function load(view) {
  try {
    view.page = await get(`/tenants${query({ search: view.search.value.trim(), order: 'work', limit: ROWS })}`);
    fill(view.problem);
    show(view);
  } catch (error) {
    fill(view.problem, problemBox(explain(error), view.reload));
  }
}

function show(view) {
  const { tenants: rows, total, cursor } = view.page;
  text(view.shown, `${count(total)} tenants${cursor ? `, the ${ROWS} busiest shown` : ''}`);
  reconcile(view.table.body, rows, {
    key: ({ datasource, tenant }) => `${datasource}/${tenant}`,
    make: (tenant) => row(tenant),
    update: (element, tenant) => update(view, element, tenant),
  });
}

const cell = (name, ...classes) => h(['td', ...classes].join('.'), { dataset: { of: name } });

function row({ tenant, datasource }) {
  return h('tr', {}, h('td', {}, h('a.main', { href: `#/${query({ tenant })}` }, tenant)), cell('state'),
    h('td', {}, meter('running')), h('td', {}, meter('queued')), h('td', {}, meter('share')),
    cell('weight', 'right', 'num', 'optional'), cell('failed', 'right', 'num', 'optional'),
    h('td.optional.muted', {}, datasource), cell('actions', 'right', 'nowrap'));
}

function meter(name) {
  return h('div.meter', { dataset: { of: name } }, h('span.num', {}), h('div.track', {}, h('div.fill')));
}

function setMeter(element, words, part) {
  text(element.querySelector('span'), words);
  element.querySelector('.track').hidden = part === null;
  const bar = element.querySelector('.fill');
  bar.style.transform = `scaleX(${Math.min(1, part || 0)})`;
  bar.classList.toggle('full', part >= 1);
}

function update(view, element, tenant) {
  const { total } = tenant;
  const of = (name) => element.querySelector(`[data-of=${name}]`);
  const against = (n, limit) => (limit === undefined ? [count(n), null] : [`${count(n)} of ${count(limit)}`, limit > 0 ? n / limit : 1]);
  text(of('state'), tenant.state.toLowerCase());
  setMeter(of('running'), ...against(total.RUNNING, tenant.max_running));
  setMeter(of('queued'), ...against(total.QUEUED, tenant.max_queued));
  setMeter(of('share'), `${(tenant.share * 100).toFixed(tenant.share < 0.1 ? 1 : 0)}%`, tenant.share);
  text(of('weight'), tenant.weight);
  text(of('failed'), count(total.FAILED));
  const actions = of('actions');
  if (actions.dataset.state === tenant.state) return;
  actions.dataset.state = tenant.state;
  fill(actions, stateButton(view, tenant));
}

function stateButton(view, { tenant, state }) {
  if (!view.app.may('admin') || view.app.me.tenant) return null;
  const next = state === 'ACTIVE' ? 'PAUSED' : 'ACTIVE';
  const name = next === 'PAUSED' ? 'Pause' : 'Resume';
  return h('button.small', {
    type: 'button',
    'aria-label': `${name} ${tenant}`,
    onclick: async () => {
      if (next === 'PAUSED' && !(await confirm(`Pause ${tenant}?`, 'None of its jobs is chosen until it is resumed; what runs goes on, and it may submit.', 'Pause the tenant'))) return;
      try {
        await call('PATCH', path`/tenants/${tenant}`, { body: { state: next } });
        view.reload();
      } catch (error) {
        toast(explain(error), 'error');
      }
    },
  }, name);
}
