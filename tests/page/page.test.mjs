// The page's parts that need no browser: run with `node --test`.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Parser } from '../../module/api/page/events.js';
import { duration, rate } from '../../module/api/page/format.js';
import { path, query } from '../../module/api/page/api.js';

function parse(...chunks) {
  const events = [];
  const parser = new Parser((event) => events.push(event));
  for (const chunk of chunks) parser.push(chunk);
  return events;
}

test('an event is its type, id and data', () => {
  assert.deepEqual(parse('event: status\nid: 42\ndata: {"a": 1}\n\n'), [{ type: 'status', id: '42', data: { a: 1 } }]);
});

test('events may be cut anywhere', () => {
  const text = ': hello\n\nevent: status\r\nid: 1\r\ndata: [1,\r\ndata: 2]\r\n\r\ndata: "x"\n\n';
  const whole = parse(text);
  assert.equal(whole.length, 2);
  assert.deepEqual(whole[0].data, [1, 2]);
  assert.deepEqual(whole[1], { type: 'message', id: '', data: 'x' });
  for (let at = 1; at < text.length; at++) assert.deepEqual(parse(text.slice(0, at), text.slice(at)), whole);
});

test('an event without its blank line is not one yet', () => {
  assert.deepEqual(parse('data: 1\n'), []);
});

test('an id alone says how far the stream is', () => {
  assert.deepEqual(parse('id: 7\n\n'), [{ type: 'message', id: '7', data: null }]);
  assert.deepEqual(parse(':\n\n'), []);
});

test('durations are said as people say them', () => {
  const said = [[0, '0 ms'], [340, '340 ms'], [4200, '4.2 s'], [59400, '59 s'], [60000, '1 min'], [200000, '3 min 20 s'],
    [7500000, '2 h 5 min'], [273600000, '3 d 4 h'], [undefined, '–'], [NaN, '–']];
  for (const [ms, text] of said) assert.equal(duration(ms), text);
});

test('rates keep the digits that matter', () => {
  for (const [n, text] of [[0, '0'], [0.5, '0.5'], [0.04, '0.04'], [9.999, '10'], [10, '10'], [20.04, '20'], [1234, '1,234']]) {
    assert.equal(rate(n), text, String(n));
  }
});

test('what goes into an address is escaped', () => {
  assert.equal(path`/tenants/${'a/../b'}/jobs/${'?x=1#y'}`, '/tenants/a%2F..%2Fb/jobs/%3Fx%3D1%23y');
  assert.equal(query({ a: 'x y&z', b: '', c: null, d: undefined, e: ['F', 'G'], f: 0 }), '?a=x+y%26z&e=F%2CG&f=0');
  assert.equal(query({}), '');
});
