// The HTTP interface, as the page uses it. The token lives in the tab's session storage only: it
// goes with the tab, and no other page can have it sent by itself, as it could a cookie.

const BASE = '/api/v1';
const STORE = 'jobs.token';
const DEADLINE_MS = 15000;

/** What the server refused: `status`, and the members of its problem document (RFC 9457). */
export class Problem extends Error {
  constructor(status, problem) {
    super(problem.detail || problem.title || `The server answered ${status}.`);
    this.status = status;
    this.problem = problem;
  }
}

export function token() {
  return sessionStorage.getItem(STORE) || '';
}

export function setToken(value) {
  if (value) sessionStorage.setItem(STORE, value);
  else sessionStorage.removeItem(STORE);
}

export function headers(more) {
  const result = { ...more };
  if (token()) result.authorization = `Bearer ${token()}`;
  return result;
}

export class Unreachable extends Error {}

/** /tenants/{t}/jobs with its parts escaped: path`/tenants/${t}/jobs/${id}`. */
export function path(strings, ...values) {
  return strings.reduce((text, part, i) => text + encodeURIComponent(values[i - 1]) + part);
}

/** Parameters that are not empty, as a query; arrays are repeated as a,b. */
export function query(parameters) {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    const one = Array.isArray(value) ? value.join(',') : value;
    if (one !== undefined && one !== null && one !== '') search.set(name, one);
  }
  const text = search.toString();
  return text ? `?${text}` : '';
}

// Numbers with more digits than JavaScript keeps (12345678901234567890) stay as the server wrote
// them, where the browser can do it; JSON.stringify then prints them so.
function exact(key, value, context) {
  if (typeof value !== 'number' || !context?.source || !JSON.rawJSON) return value;
  const digits = context.source.replace(/e.*$/i, '').replace(/[-.]/g, '').replace(/^0+/, '');
  return digits.length > 15 ? JSON.rawJSON(context.source) : value;
}

async function reach(where, options) {
  try {
    const answer = await fetch(where, options);
    return [answer, await answer.text()];
  } catch (error) {
    throw new Unreachable(error.name === 'TimeoutError' ? 'The server did not answer in time.' : 'The server cannot be reached.');
  }
}

/** → the answer's body, parsed. Throws Problem or Unreachable. */
export async function call(method, where, { body, signal, more } = {}) {
  const deadline = AbortSignal.timeout(DEADLINE_MS);
  const [answer, textOf] = await reach(BASE + where, {
    method,
    headers: headers(body === undefined ? more : { 'content-type': 'application/json', ...more }),
    body: body === undefined ? undefined : JSON.stringify(body),
    signal: signal ? AbortSignal.any([signal, deadline]) : deadline,
    cache: 'no-store',
  });
  const parsed = readJson(textOf);
  if (!answer.ok) throw new Problem(answer.status, parsed || { title: answer.statusText });
  return parsed;
}

function readJson(textOf) {
  if (textOf === '') return null;
  try {
    return JSON.parse(textOf, exact);
  } catch {
    return null;
  }
}

export const get = (where, options) => call('GET', where, options);
export const post = (where, body, options) => call('POST', where, { ...options, body });

/** Text of a failure for a person. What is neither of the two is an error of this page. */
export function explain(error) {
  if (error instanceof Problem || error instanceof Unreachable) return error.message;
  console.error(error);
  return `This page has an error: ${error.message}`;
}
