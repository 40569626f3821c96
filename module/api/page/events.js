// Server-sent events through fetch, which can send a token as EventSource cannot. After a break
// the stream goes on behind the last event that was seen.

import { headers } from './api.js';

const PAUSES_MS = [500, 1000, 2000, 5000, 10000];
// The server sends a comment at least every 15 s; three are missed when the line is dead.
const SILENCE_MS = 50000;

/**
 * Follow `where` (a path under /api/v1). on.event({type, id, data}) for each event, on.state('live'
 * | 'lost' | 'refused', status) when the connection changes. → a function that ends it.
 */
export function follow(where, on) {
  const ended = new AbortController();
  run(where, on, ended.signal);
  return () => ended.abort();
}

async function run(where, on, signal) {
  const stream = { lastId: '', failures: 0, ended: false };
  while (!signal.aborted) {
    const status = await once(where, stream, on, signal);
    if (signal.aborted) return;
    if (status >= 400 && status < 500 && status !== 429) {
      on.state('refused', status);
      return;
    }
    if (!stream.ended) on.state('lost', status); // the server ends each stream after some minutes
    await pause(PAUSES_MS[Math.min(stream.failures++, PAUSES_MS.length - 1)], signal);
  }
}

function pause(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => { clearTimeout(timer); resolve(); }, { once: true });
  });
}

// One connection, to its end. → the HTTP status, 0 when there was none.
async function once(where, stream, on, signal) {
  const silence = new AbortController();
  const watch = { timer: 0 };
  const heard = () => {
    clearTimeout(watch.timer);
    watch.timer = setTimeout(() => silence.abort(), SILENCE_MS);
  };
  stream.ended = false;
  try {
    heard();
    const answer = await fetch(`/api/v1${where}`, {
      headers: headers({
        accept: 'text/event-stream',
        ...(stream.lastId ? { 'last-event-id': stream.lastId } : {}),
      }),
      signal: AbortSignal.any([signal, silence.signal]),
      cache: 'no-store',
    });
    if (!answer.ok) return answer.status;
    stream.failures = 0;
    on.state('live', answer.status);
    await read(answer.body, stream, on, heard);
    stream.ended = true;
    return answer.status;
  } catch {
    return 0;
  } finally {
    clearTimeout(watch.timer);
  }
}

async function read(body, stream, on, heard) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  const parser = new Parser((event) => {
    if (event.id) stream.lastId = event.id;
    if (event.data !== null) on.event(event);
  });
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    heard();
    parser.push(value);
  }
}

/** The line format of server-sent events (WHATWG HTML, section 9.2.6), without `retry`. */
export class Parser {
  constructor(emit) {
    this.emit = emit;
    this.rest = '';
    this.clear();
  }

  clear() {
    this.type = 'message';
    this.id = '';
    this.data = [];
  }

  push(chunk) {
    const lines = (this.rest + chunk).split('\n');
    this.rest = lines.pop();
    for (const line of lines) this.line(line.endsWith('\r') ? line.slice(0, -1) : line);
  }

  line(line) {
    if (line === '') return this.dispatch();
    const colon = line.indexOf(':');
    if (colon === 0) return undefined; // a comment
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'event') this.type = value;
    else if (field === 'id') this.id = value;
    else if (field === 'data') this.data.push(value);
    return undefined;
  }

  dispatch() {
    const has = this.data.length > 0;
    // An id alone says how far the stream is when nothing of it was for us.
    if (has || this.id) {
      this.emit({ type: this.type, id: this.id, data: has ? JSON.parse(this.data.join('\n')) : null });
    }
    this.clear();
  }
}
