import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contentOf } from '../../src/endpoint/content.js';
import { DONE, errorIn, streamedValues } from '../../src/endpoint/events.js';
import { endingOf } from '../../src/endpoint/finish.js';

/** The values of a stream that comes in parts of some bytes. */
async function values(text: string, size: number): Promise<unknown[]> {
  const bytes = Buffer.from(text);
  async function* parts() {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  }
  const found: unknown[] = [];
  for await (const value of streamedValues(parts())) found.push(value);
  return found;
}

const A = '{"a":"Perú 🦙\\u0000"}';
const VALUE = { a: 'Perú 🦙\u0000' };

test('events in every form that servers give them, however the stream is cut', async () => {
  for (const [name, text, wanted] of [
    ['usual', `data: ${A}\n\ndata: [DONE]\n\n`, [VALUE, DONE]],
    ['no space', `data:${A}\n\ndata:[DONE]\n\n`, [VALUE, DONE]],
    ['spaces around', `data:   ${A}  \n\ndata:  [DONE] \n\n`, [VALUE, DONE]],
    ['CRLF', `data: ${A}\r\n\r\ndata: [DONE]\r\n\r\n`, [VALUE, DONE]],
    ['CR', `data: ${A}\r\rdata: [DONE]\r\r`, [VALUE, DONE]],
    ['byte order mark', `\ufeffdata: ${A}\n\n`, [VALUE]],
    ['comments', `: OPENROUTER PROCESSING\n\n: ping\ndata: ${A}\n\n`, [VALUE]],
    ['names, ids, retries', `event: message\nid: 7\nretry: 5\ndata: ${A}\n\n`, [VALUE]],
    ['no data', `event: ping\ndata:\n\ndata: ${A}\n\n`, [VALUE]],
    ['several lines', 'data: {"a":\ndata: 1}\n\n', [{ a: 1 }]],
    ['no last blank line', `data: ${A}\n\ndata: [DONE]`, [VALUE, DONE]],
    ['no [DONE]', `data: ${A}\n\n`, [VALUE]],
    ['JSON Lines', `${A}\n${A}\n`, [VALUE, VALUE]],
    ['JSON Lines with [DONE]', `${A}\n[DONE]`, [VALUE, DONE]],
    ['error event', 'event: error\ndata: {"message":"boom"}\n\n', [{ error: { message: 'boom' } }]],
    ['nothing', '', []],
  ] as [string, string, unknown[]][]) {
    for (const size of [1, 2, 7, 10_000])
      assert.deepEqual(await values(text, size), wanted, `${name}, ${size}`);
  }
  await assert.rejects(values('data: {"a":', 3), SyntaxError, 'broken off within an event');
});

test('why an answer ended, in the words of many servers', () => {
  const endings = {
    stop: [
      'stop',
      'STOP',
      'eos',
      'eos_token',
      'stop_sequence',
      'end_turn',
      'stop_token',
      'complete',
      'something',
    ],
    length: [
      ...['length', 'max_tokens', 'MAX_TOKENS', 'max_new_tokens', 'max_output_tokens', 'model_length'],
      ...['token_limit', 'model_context_window_exceeded', 'incomplete'],
    ],
    broken: [
      ...[
        'content_filter',
        'content_filtered',
        'SAFETY',
        'refusal',
        'tool_calls',
        'function_call',
        'tool_use',
      ],
      ...[
        'error',
        'network_error',
        'abort',
        'aborted',
        'cancelled',
        'timeout',
        'insufficient_system_resource',
      ],
    ],
  };
  for (const [ending, reasons] of Object.entries(endings)) {
    for (const reason of reasons) assert.equal(endingOf(reason), ending, reason);
  }
  for (const none of [undefined, null, '', ' ', 'null', 'None', 5]) assert.equal(endingOf(none), undefined);
});

test('the text of a message, in one piece or in parts, and whether a thought came apart', () => {
  const said = (text: string, thought = false) => ({ text, thought });
  assert.deepEqual(contentOf({ content: 'a' }), said('a'));
  assert.deepEqual(contentOf({ content: null }), said(''));
  assert.deepEqual(contentOf({}), said(''));
  assert.deepEqual(contentOf({ content: ['a', { type: 'text', text: 'b' }] }), said('ab'));
  const magistral = [
    { type: 'thinking', thinking: [{ type: 'text', text: 'x' }] },
    { type: 'text', text: 'b' },
  ];
  assert.deepEqual(contentOf({ content: magistral }), said('b', true));
  for (const field of ['reasoning_content', 'reasoning', 'thinking']) {
    assert.deepEqual(contentOf({ content: 'a', [field]: 'hm' }), said('a', true), field);
    for (const empty of ['', null]) assert.deepEqual(contentOf({ content: 'a', [field]: empty }), said('a'));
  }
  for (const content of [5, [{ type: 'image' }], [3]]) assert.equal(contentOf({ content }), undefined);
});

test('an error in an answer of status 200', () => {
  assert.equal(errorIn({ error: { message: 'out of\nmemory' } }), 'out of memory');
  assert.equal(errorIn({ error: 'boom' }), 'boom');
  assert.equal(errorIn({ error: { code: 5 } }), 'no reason given');
  assert.equal(errorIn({ object: 'error', message: 'too long' }), 'too long');
  assert.equal(errorIn({ type: 'error', error: { message: 'busy' } }), 'busy');
  assert.equal(errorIn({ detail: 'not found' }), 'not found');
  for (const fine of [{ choices: [] }, { choices: [], error: null }, 'error', null]) {
    assert.equal(errorIn(fine), undefined);
  }
});
