// The page's beginning: who is there, which view the address names, what the keys do.

import { get, query, setToken, token, Problem, explain } from './api.js';
import { fill, h, announce, text } from './dom.js';
import { icon, problemBox } from './parts.js';
import { askToken, showKeys } from './dialogs.js';
import { overview } from './view_overview.js';
import { jobs } from './view_jobs.js';
import { job } from './view_job.js';
import { tenants } from './view_tenants.js';
import { instances } from './view_instances.js';

const VIEWS = [
  { name: 'Overview', pattern: /^\/$/, open: overview, link: '#/', key: 'o' },
  { name: 'Jobs', pattern: /^\/jobs$/, open: jobs, link: '#/jobs', key: 'j' },
  { name: 'Job', pattern: /^\/jobs\/([^/]+)\/([^/]+)$/, open: job, under: 'Jobs' },
  { name: 'Tenants', pattern: /^\/tenants$/, open: tenants, link: '#/tenants', key: 't' },
  { name: 'Instances', pattern: /^\/instances$/, open: instances, link: '#/instances', key: 'i', all: true },
];

/** What the views get: who asks, for which tenant, and how to say whether the page is live. */
const app = {
  me: null,
  tenant: '',
  may: (role) => ['viewer', 'operator', 'admin'].indexOf(app.me.role) >=
    ['viewer', 'operator', 'admin'].indexOf(role),
  live: setLive,
  link: (view, parameters = {}) => `#/${view}${query({ tenant: app.me.tenant ? '' : app.tenant, ...parameters })}`,
};
const current = { view: null, address: null };

const main = document.getElementById('main');
const nav = document.getElementById('nav');
const picker = document.getElementById('tenant');

function setLive(state) {
  const words = { live: 'live', polling: 'every few seconds', lost: 'reconnecting', off: 'offline' };
  const element = document.getElementById('live');
  element.dataset.state = state;
  text(element.lastElementChild, words[state]);
}

// ---- Who ----

async function signIn() {
  const { auth } = await get('/version');
  if (auth !== 'none' && !token()) await askToken('');
  try {
    app.me = await get('/me');
  } catch (error) {
    if (!(error instanceof Problem) || error.status !== 401) throw error;
    setToken('');
    await askToken('This token is not valid (any more).');
    return signIn();
  }
  document.getElementById('leave').hidden = app.me.auth === 'none';
  document.getElementById('tenant-pick').hidden = Boolean(app.me.tenant);
  if (app.me.tenant) app.tenant = app.me.tenant;
  else offerTenants();
  return undefined;
}

async function offerTenants() {
  const { tenants: all } = await get(`/tenants${query({ limit: 1000, order: 'work' })}`);
  fill(document.getElementById('tenant-names'),
    all.map(({ tenant }) => h('option', { value: tenant })));
}

// ---- Which view ----

function address() {
  const [where, search] = (location.hash.slice(1) || '/').split('?');
  return { where, parameters: new URLSearchParams(search || '') };
}

async function show() {
  const at = address();
  const found = VIEWS.find(({ pattern }) => pattern.test(at.where)) || VIEWS[0];
  const parts = (found.pattern.exec(at.where) || []).slice(1).map(decodeURIComponent);
  if (!app.me.tenant) app.tenant = at.parameters.get('tenant') || (found.name === 'Job' ? parts[0] : '');
  picker.value = app.tenant;
  mark(found.under || found.name);
  if (current.view) current.view.close();
  setLive('off');
  current.view = found.open(app, at.parameters, ...parts);
  fill(main, current.view.element);
  const moved = current.address !== null && current.address !== at.where;
  current.address = at.where;
  document.title = `${current.view.title || found.name} · Jobs`;
  if (!moved) return;
  main.focus({ preventScroll: true });
  scrollTo(0, 0);
  announce(found.name);
}

function mark(name) {
  fill(nav, VIEWS.filter((view) => view.link && !(view.all && app.me.tenant)).map((view) => h('a', {
    href: app.tenant && view.name !== 'Instances' ? `${view.link}${query({ tenant: app.me.tenant ? '' : app.tenant })}` : view.link,
    'aria-current': view.name === name ? 'page' : null,
  }, view.name)));
}

picker.addEventListener('change', () => {
  const { where } = address();
  const stays = where === '/' || where === '/jobs' ? where : '/';
  location.hash = `#${stays}${query({ tenant: picker.value.trim() })}`;
});

// ---- Theme ----

const theme = document.getElementById('theme');
const THEMES = { system: 'moon', dark: 'sun', light: 'system' };

function setTheme(name) {
  if (name === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = name;
  localStorage.setItem('jobs.theme', name);
  const next = { system: 'dark', dark: 'light', light: 'system' }[name];
  theme.dataset.next = next;
  theme.setAttribute('aria-label', `Theme: ${name}. Change to ${next}.`);
  fill(theme, icon(THEMES[name]));
  document.dispatchEvent(new Event('themechange'));
}
theme.addEventListener('click', () => setTheme(theme.dataset.next));
matchMedia('(prefers-color-scheme: dark)').addEventListener('change',
  () => document.dispatchEvent(new Event('themechange')));

const leave = document.getElementById('leave');
leave.append(icon('leave'));
leave.addEventListener('click', () => { setToken(''); location.reload(); });

// ---- Keys ----

let after = ''; // the key before, when it was g
document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  const before = after;
  after = event.key === 'g' ? 'g' : '';
  const view = before === 'g' && VIEWS.find(({ key }) => key === event.key);
  if (view) location.hash = view.link.slice(1) + query({ tenant: app.me?.tenant ? '' : app.tenant });
  else if (event.key === '?') showKeys();
  else if (!current.view?.key || !current.view.key(event)) return;
  event.preventDefault();
});

function typing(target) {
  return target.closest('input, select, textarea, dialog') !== null;
}

async function begin() {
  setTheme(localStorage.getItem('jobs.theme') || 'system');
  try {
    await signIn();
  } catch (error) {
    fill(main, problemBox(explain(error), () => { fill(main); begin(); }));
    return;
  }
  addEventListener('hashchange', show);
  await show();
}

begin();
