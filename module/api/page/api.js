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

// Numbers that JavaScript would alter (12345678901234567890, 1.10) keep the server's spelling where
// the browser can do it; JSON.stringify then prints them as they came.
function exact(key, value, context) {
  const altered = typeof value === 'number' && context?.source && String(value) !== context.source;
  return altered && JSON.rawJSON ? JSON.rawJSON(context.source) : value;
}

/** → the answer's body, parsed. Throws Problem, or TypeError when the server cannot be reached. */
export async function call(method, where, { body, signal, more } = {}) {
  const deadline = AbortSignal.timeout(DEADLINE_MS);
  const answer = await fetch(BASE + where, {
    method,
    headers: headers(body === undefined ? more : { 'content-type': 'application/json', ...more }),
    body: body === undefined ? undefined : JSON.stringify(body),
    signal: signal ? AbortSignal.any([signal, deadline]) : deadline,
    cache: 'no-store',
  });
  const textOf = await answer.text();
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

/** Text of a failure for a person. */
export function explain(error) {
  if (error instanceof Problem) return error.message;
  if (error.name === 'TimeoutError') return 'The server did not answer in time.';
  return 'The server cannot be reached.';
}
