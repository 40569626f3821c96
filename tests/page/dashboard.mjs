// The dashboard in a browser, against a jobsd that runs. Environment: JOBS_PAGE (its address),
// JOBS_TOKEN (an administrator's), JOBS_TENANT, CHROMIUM, and SHOTS, a folder for screenshots.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';

const modules = createRequire(`${process.env.JOBS_MODULES}/`);
const { chromium } = modules('playwright-core');
const AXE = readFileSync(modules.resolve('axe-core/axe.min.js'), 'utf8');

const { JOBS_PAGE: PAGE, JOBS_TOKEN: TOKEN, JOBS_TENANT: TENANT, SHOTS } = process.env;
const DESKTOP = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };
const PATIENCE = { timeout: 30000 };

let browser;
const complaints = [];

before(async () => {
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ['--no-sandbox'] });
});
after(() => browser?.close());

// ---- The interface ----

async function api(method, where, body) {
  const answer = await fetch(`${PAGE}/api/v1/tenants/${TENANT}${where}`, {
    method,
    headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
    body: body && JSON.stringify(body),
  });
  assert.ok(answer.ok, `${method} ${where}: ${answer.status} ${await answer.clone().text()}`);
  return answer.json();
}

const submit = async (job) => (await api('POST', '/jobs', job)).id;

// ---- The browser ----

// A page that is signed in; what its console complains of fails the last test.
async function open(hash, { viewport = DESKTOP, token = TOKEN, ...more } = {}) {
  const context = await browser.newContext({ viewport, ...more });
  await context.addInitScript((value) => { if (value) sessionStorage.setItem('jobs.token', value); }, token);
  const page = await context.newPage();
  page.on('console', (message) => { if (message.type() === 'error') complaints.push(`${hash}: ${message.text()}`); });
  page.on('pageerror', (error) => complaints.push(`${hash}: ${error.stack}`));
  page.on('request', (request) => { if (!request.url().startsWith(PAGE)) complaints.push(`asks another host: ${request.url()}`); });
  page.setDefaultTimeout(PATIENCE.timeout);
  await page.goto(`${PAGE}/${hash}`);
  return page;
}

const shot = (page, name) => page.screenshot({ path: `${SHOTS}/${name}.png`, fullPage: true });
const jobPage = (id) => `#/jobs/${TENANT}/${id}`;
const state = (page) => page.locator('#state .status');
const percent = async (page) => Number(await page.locator('#state [role=progressbar]').getAttribute('aria-valuenow'));

async function until(what, condition) {
  const end = Date.now() + PATIENCE.timeout;
  while (!(await condition())) {
    assert.ok(Date.now() < end, `waited in vain: ${what}`);
    await new Promise((resolve) => { setTimeout(resolve, 100); });
  }
}

// ---- What people do ----

test('a token is asked for, and a wrong one refused', async () => {
  const page = await open('', { token: '' });
  await page.locator('#token').fill('wrong');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('alert').filter({ hasText: 'not valid' }).waitFor();
  assert.equal(complaints.filter((line) => line.includes('401')).length, 1, 'the browser notes the refused token');
  complaints.length = 0;
  await shot(page, 'sign-in');
  await page.locator('#token').fill(TOKEN);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: 'All tenants' }).waitFor();
  await page.context().close();
});

test('a job is watched, stopped, and seen ABORTED without a reload', async () => {
  const id = await submit({ class_name: 'sleep', parameters: { ms: 60000 }, description: 'Watch me', owner: 'ann' });
  const page = await open(jobPage(id));
  await page.evaluate(() => { window.untouched = true; });
  await until('RUNNING', async () => (await state(page).textContent()) === 'running');
  await until('progress', async () => (await percent(page)) > 0);
  const first = await percent(page);
  await until('more progress', async () => (await percent(page)) > first);
  await shot(page, 'job-running');
  await page.getByRole('button', { name: /^Stop/ }).click();
  await page.getByRole('button', { name: 'Stop the job' }).click();
  await until('ABORTED', async () => (await state(page).textContent()) === 'aborted');
  assert.equal(await page.evaluate(() => window.untouched), true, 'the page was not loaded again');
  await page.getByRole('button', { name: /^Retry/ }).waitFor();
  await shot(page, 'job-aborted');
  await page.getByRole('button', { name: /^Retry/ }).click();
  await until('runs again', async () => (await state(page).textContent()) === 'running');
  await page.keyboard.press('s');
  await page.getByRole('button', { name: 'Stop the job' }).click();
  await until('ABORTED again', async () => (await state(page).textContent()) === 'aborted');
  await page.context().close();
});

test('a pending job is released from the list, and its row changes by itself', async () => {
  const id = await submit({ class_name: 'noop', pending: true, description: 'Let me go', owner: 'release-me' });
  const page = await open(`#/jobs?tenant=${TENANT}&owner=release-me`);
  const row = page.locator(`tr[data-key="${id}"]`);
  await row.getByRole('button', { name: /^Release/ }).click();
  await row.locator('.status', { hasText: 'succeeded' }).waitFor();
  await page.context().close();
});

test('a job that waits says why', async () => {
  const id = await submit({ class_name: 'noop', at: new Date(Date.now() + 3600e3).toISOString() });
  const page = await open(jobPage(id));
  await page.getByRole('region', { name: 'Why it does not run' }).locator('li').first().waitFor();
  await shot(page, 'job-waiting');
  await page.context().close();
});

test('a failed job shows its error, parameters and life', async () => {
  const id = await submit({ class_name: 'fail', attempts: 1, parameters: {} });
  const page = await open(jobPage(id));
  await page.getByRole('region', { name: /^Error/ }).waitFor();
  await page.getByRole('region', { name: 'Parameters' }).waitFor();
  await page.getByRole('region', { name: 'Life' }).getByText('Attempt 1 failed').waitFor();
  await shot(page, 'job-failed');
  await page.context().close();
});

test('numbers keep their digits', async () => {
  const where = `${PAGE}/api/v1/tenants/${TENANT}/jobs`;
  const answer = await fetch(where, {
    method: 'POST',
    headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
    body: '{"class_name": "noop", "pending": true, "parameters": {"n": 12345678901234567890}}',
  });
  const page = await open(jobPage((await answer.json()).id));
  await page.getByRole('region', { name: 'Parameters' }).getByText('12345678901234567890').waitFor();
  await page.context().close();
});

test('what users wrote is text, never HTML', async () => {
  const evil = '<img src=x onerror="window.evil = 1"><script>window.evil = 1</script>';
  const id = await submit({ class_name: 'noop', description: evil, owner: evil, related_type: evil, related_id: evil });
  for (const hash of [jobPage(id), `#/jobs?tenant=${TENANT}`, `#/?tenant=${TENANT}`]) {
    const page = await open(hash);
    if (hash !== `#/?tenant=${TENANT}`) await page.getByText('<img src=x').first().waitFor();
    assert.equal(await page.evaluate(() => window.evil), undefined);
    assert.equal(await page.locator('main img').count(), 0);
    await page.context().close();
  }
});

test('the list is filtered by its chips, and the address keeps it', async () => {
  const page = await open(`#/jobs?tenant=${TENANT}`);
  await page.getByRole('button', { name: 'failed', exact: true }).click();
  await until('only failures', async () => {
    const all = await page.locator('tbody .status').allTextContents();
    return all.length > 0 && all.every((text) => text === 'failed');
  });
  assert.match(page.url(), /status=FAILED/);
  await shot(page, 'jobs');
  await page.context().close();
});

test('keys: everywhere, help, down the list and into a job', async () => {
  const page = await open(`#/?tenant=${TENANT}`);
  await page.getByRole('heading', { name: TENANT }).waitFor();
  await page.keyboard.press('g');
  await page.keyboard.press('j');
  await page.locator('tbody tr').first().waitFor();
  await page.keyboard.press('?');
  await page.getByRole('dialog', { name: 'Keys' }).waitFor();
  await page.keyboard.press('Escape');
  await page.keyboard.press('j');
  await page.locator('tr.selected').waitFor();
  await page.keyboard.press('Enter');
  await page.locator('#state').waitFor();
  await page.context().close();
});

const VIEWS = [
  ['overview', `#/?tenant=${TENANT}`, 'tbody a'], ['overview-all', '#/', 'tbody a'],
  ['list', `#/jobs?tenant=${TENANT}`, 'tbody tr'], ['tenants', '#/tenants', 'tbody tr'],
  ['instances', '#/instances', 'tbody tr'],
];

for (const [name, hash, ready] of VIEWS) {
  test(`${name}: accessible, in the light, in the dark, and on a phone`, async () => {
    for (const colorScheme of ['light', 'dark']) {
      const page = await open(hash, { colorScheme, bypassCSP: true });
      await page.locator(ready).first().waitFor();
      await page.addScriptTag({ content: AXE });
      const { violations } = await page.evaluate(() => window.axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa'] }));
      assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' | ')}`), []);
      await shot(page, `${name}-${colorScheme}`);
      await page.context().close();
    }
    const page = await open(hash, { viewport: PHONE, hasTouch: true });
    await page.locator(ready).first().waitFor();
    const [wide, seen] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
    assert.ok(wide <= seen, `${wide} pixels wide on a phone of ${seen}`);
    await shot(page, `${name}-phone`);
    await page.context().close();
  });
}

test('the console has nothing to complain of', () => {
  assert.deepEqual(complaints, []);
});
