// How numbers, dates and durations are written. Dates come as ISO 8601 texts.

const whole = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat(undefined, { notation: 'compact', maximumFractionDigits: 1 });
const dateTime = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
const time = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });

export const MISSING = '–';

export function count(n) {
  if (n === null || n === undefined) return MISSING;
  return n >= 100000 ? short.format(n) : whole.format(n);
}

export function rate(perSecond) {
  if (perSecond === null || perSecond === undefined) return MISSING;
  if (perSecond >= 100) return whole.format(perSecond);
  return perSecond.toFixed(perSecond >= 10 ? 1 : 2).replace(/\.?0+$/, '') || '0';
}

/** Milliseconds as people say them: 340 ms, 4.2 s, 3 min 20 s, 2 h 5 min, 3 d 4 h. */
export function duration(ms) {
  if (ms === null || ms === undefined || Number.isNaN(ms)) return MISSING;
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  const s = ms / 1000;
  if (s < 60) return `${s < 10 ? s.toFixed(1) : Math.round(s)} s`;
  return pair(Math.round(s));
}

function pair(seconds) {
  const units = [['d', 86400], ['h', 3600], ['min', 60], ['s', 1]];
  const first = units.findIndex(([, size]) => seconds >= size);
  const [name, size] = units[first];
  const head = `${Math.floor(seconds / size)} ${name}`;
  const next = units[first + 1];
  const rest = next ? Math.floor((seconds % size) / next[1]) : 0;
  return rest > 0 ? `${head} ${rest} ${next[0]}` : head;
}

export function between(from, to) {
  return from && to ? duration(new Date(to) - new Date(from)) : MISSING;
}

export function when(iso) {
  return iso ? dateTime.format(new Date(iso)) : MISSING;
}

/** The time of today, or the date with it. */
export function clock(iso) {
  if (!iso) return MISSING;
  const date = new Date(iso);
  return date.toDateString() === new Date().toDateString() ? time.format(date) : dateTime.format(date);
}

/** "in 3 min", "12 s ago", "now". */
export function relative(iso, now = Date.now()) {
  if (!iso) return MISSING;
  const ms = new Date(iso) - now;
  if (Math.abs(ms) < 1000) return 'now';
  return ms > 0 ? `in ${duration(ms)}` : `${duration(-ms)} ago`;
}

/** The end of an id tells more than its beginning: version 7 ids begin with the time. */
export function shortId(id) {
  return `…${id.slice(-8)}`;
}

/** JSON text, indented, numbers and all kept as the server wrote them where it is possible. */
export function json(value) {
  return typeof value === 'string' ? JSON.stringify(value) : JSON.stringify(value, null, 2);
}
