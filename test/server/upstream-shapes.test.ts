import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AnswerRisk } from '../../src/risk/index.js';
import { openUpstream } from '../../src/server/upstream.js';
import { type Reply, startChatServer } from '../support/chat-server.js';
import { temporaryFolder } from '../support/temporary.js';
import { post, startOver, startTiny } from './support.js';

// How other servers shape and end their answers: our copy of the model must score the whole text, once, or say why it does not.

const folder = temporaryFolder();
const tiny = await startTiny(folder, { detector: { promptStyle: 'plain' } });
const { model, served } = tiny.context;
const puppet = await startChatServer(() => '');
const proxy = await startOver(
  tiny.modelPath,
  model,
  served,
  {},
  {},
  openUpstream({ url: puppet.url, model: 'm', env: {} }),
);
const MESSAGES = [{ role: 'user', content: 'What is it?' }];

interface Seen {
  texts: string[];
  risks: (AnswerRisk | undefined)[];
  scored: number;
  reasons: unknown[];
  error?: string;
}

async function stream(reply: Reply, more: object = {}): Promise<Seen> {
  puppet.reply = () => reply;
  const response = await post(proxy, '/v1/chat/completions', { messages: MESSAGES, stream: true, ...more });
  const body = await response.text();
  const seen: Seen = { texts: [], risks: [], scored: 0, reasons: [] };
  for (const part of body.split('\n\n')) {
    if (part === '' || part === 'data: [DONE]') continue;
    const event = JSON.parse(part.replace(/^data: /, ''));
    if (event.error) seen.error = event.error.message;
    for (const { index, delta, finish_reason, hneurons } of event.choices ?? []) {
      const { content } = delta;
      const text = Array.isArray(content) ? content.map((one) => one.text ?? '').join('') : (content ?? '');
      seen.texts[index] = (seen.texts[index] ?? '') + text;
      if (finish_reason !== null) seen.reasons.push(finish_reason);
      if (!hneurons) continue;
      seen.risks[index] = hneurons;
      seen.scored++;
    }
  }
  return seen;
}

async function scoreOf(answer: string): Promise<AnswerRisk> {
  const response = await post(proxy, '/v1/score', { messages: MESSAGES, answer });
  return ((await response.json()) as { results: AnswerRisk[] }).results[0];
}

const events = (...values: (object | string)[]) =>
  values.map((value) => `data: ${typeof value === 'string' ? value : JSON.stringify(value)}\n\n`).join('');
const part = (delta: object | null, finish_reason: unknown = null, index: number | undefined = 0) => ({
  id: 'x',
  choices: [{ index, delta, finish_reason }],
});
const sse = (body: string, type = 'text/event-stream'): Reply => ({
  body,
  headers: { 'content-type': type },
});
const LIMA = [
  part({ role: 'assistant', content: '' }),
  part({ content: 'Lima' }),
  part({ content: ' it is' }),
];
const STOP = part({}, 'stop');
test('whatever the shape of a stream, the whole text is scored once, at its end', async () => {
  const wanted = await scoreOf('Lima it is');
  const usage = { usage: { total_tokens: 3 } };
  const withReason = (reason: unknown) =>
    LIMA.map(({ choices: [choice] }) => ({ choices: [{ ...choice, finish_reason: reason }] }));
  for (const [name, reply] of [
    ['usual', sse(events(...LIMA, STOP, '[DONE]'))],
    ['finish_reason ""', sse(events(...withReason(''), STOP, '[DONE]'))],
    ['finish_reason "null"', sse(events(...withReason('null'), STOP, '[DONE]'))],
    ['finish_reason missing', sse(events(...withReason(undefined), STOP, '[DONE]'))],
    ['eos', sse(events(...LIMA, part({}, 'eos_token'), '[DONE]'))],
    ['choices null in the usage chunk', sse(events(...LIMA, STOP, { choices: null, ...usage }, '[DONE]'))],
    ['no choices in the usage chunk', sse(events(...LIMA, STOP, usage, '[DONE]'))],
    ['usage in the last chunk', sse(events(...LIMA, { ...STOP, ...usage }, '[DONE]'))],
    ['no [DONE]', sse(events(...LIMA, STOP))],
    ['[DONE] with spaces', sse(events(...LIMA, STOP, ' [DONE] '))],
    ['content type in other letters', sse(events(...LIMA, STOP), 'Text/Event-Stream; charset=UTF-8')],
    ['JSON Lines', sse([...LIMA, STOP].map((one) => JSON.stringify(one)).join('\n'), 'application/x-ndjson')],
    ['comments, names and CRLF', sse(`: hi\n\nevent: x\n${events(...LIMA, STOP)}`.replaceAll('\n', '\r\n'))],
    ['signs of life', sse(events({ type: 'ping' }, ...LIMA, {}, STOP))],
    ['null deltas', sse(events(part(null), part({ content: null }), ...LIMA, STOP, '[DONE]'))],
    ['roles again', sse(events(...LIMA, part({ role: 'assistant' }), STOP, part({ content: '' }, 'stop')))],
    ['no index', sse(events(...LIMA, STOP).replaceAll('"index":0,', ''))],
    [
      'text in place of a delta',
      sse(events({ choices: [{ text: 'Lima' }] }, { choices: [{ text: ' it is', finish_reason: 'stop' }] })),
    ],
    [
      'parts',
      sse(events(part({ content: [{ type: 'text', text: 'Lima' }] }), part({ content: ' it is' }, 'stop'))),
    ],
    [
      'text in the last chunk',
      sse(events(part({ content: 'Lima' }), part({ content: ' it is' }, 'stop'), '[DONE]')),
    ],
  ] as [string, Reply][]) {
    const seen = await stream(reply);
    assert.equal(seen.error, undefined, name);
    assert.deepEqual([seen.scored, seen.risks[0]], [1, wanted], name);
    assert.equal(seen.reasons.length > 0, true, name);
    if (!name.startsWith('text in place')) assert.equal(seen.texts[0], 'Lima it is', name);
  }
});

test('choices that come in turns are kept apart', async () => {
  const seen = await stream(
    sse(
      events(
        part({ content: 'Li' }, '', 1),
        part({ content: 'Cus' }, '', 0),
        part({ content: 'ma' }, 'stop', 1),
        part({ content: 'co' }, 'stop', 0),
      ),
    ),
    { n: 2 },
  );
  assert.deepEqual(seen.texts, ['Cusco', 'Lima']);
  assert.deepEqual(seen.risks, [await scoreOf('Cusco'), await scoreOf('Lima')]);
});

test('an answer that did not end is never scored as one that did', async () => {
  const cut = await stream(sse(events(...LIMA)));
  assert.match(String(cut.error), /ended before the answer did/);
  assert.equal(cut.scored, 0);
  const half = await stream(sse(`${events(...LIMA)}data: {"choices":[{"del`));
  assert.match(String(half.error), /no JSON/);
  assert.equal(half.scored, 0);
  const more = await stream(sse(events(...LIMA, STOP, part({ content: ' or not' }), '[DONE]')));
  assert.match(String(more.error), /more of an answer after its end/);
  for (const reply of [
    events(...LIMA, { error: { message: 'out of memory' } }),
    `${events(...LIMA)}event: error\ndata: {"message":"out of memory"}\n\n`,
    events(...LIMA, { object: 'error', message: 'out of memory' }),
  ]) {
    const failed = await stream(sse(reply));
    assert.match(String(failed.error), /says: out of memory/);
    assert.equal(failed.scored, 0);
  }
  for (const reason of ['content_filter', 'error', 'abort', 'tool_calls']) {
    const { risks } = await stream(sse(events(...LIMA, part({}, reason), '[DONE]')));
    const { verdict, score, ending } = risks[0]!;
    assert.deepEqual([verdict, score, ending], ['uncertain', null, 'cut_off'], reason);
  }
  const untold = await stream(sse(events(...LIMA, '[DONE]')));
  assert.equal(untold.error, undefined);
  assert.deepEqual(untold.risks[0], { ...(await scoreOf('Lima it is')), ending: 'unknown' });
  assert.deepEqual(untold.reasons, []);
});

test('a thought apart from the text, and fields that change the prompt there, are named as unseen', async () => {
  const wanted = await scoreOf('Lima');
  for (const field of ['reasoning_content', 'reasoning', 'thinking']) {
    const seen = await stream(
      sse(events(part({ [field]: 'Is it Lima?' }), part({ content: 'Lima' }, 'stop'))),
    );
    assert.deepEqual(seen.risks[0], { ...wanted, unseen: ['reasoning'] }, field);
    puppet.reply = () => ({
      json: { choices: [{ message: { content: 'Lima', [field]: 'hm' }, finish_reason: 'stop' }] },
    });
    const whole = await post(proxy, '/v1/chat/completions', { messages: MESSAGES });
    const { choices } = (await whole.json()) as { choices: { hneurons: AnswerRisk }[] };
    assert.deepEqual(choices[0].hneurons, { ...wanted, unseen: ['reasoning'] }, field);
  }
  const plain = sse(events(part({ content: 'Lima' }, 'stop')));
  const kwargs = await stream(plain, { chat_template_kwargs: { enable_thinking: true } });
  assert.deepEqual(kwargs.risks[0]!.unseen, ['chat_template_kwargs']);
  const same = await stream(plain, { chat_template_kwargs: { enable_thinking: false }, tools: [] });
  assert.deepEqual(same.risks[0], wanted);
  const tools = await stream(plain, { tools: [{ type: 'function', function: { name: 'f' } }] });
  assert.deepEqual(tools.risks[0]!.unseen, ['tools']);
  const marked = await stream(
    sse(events(part({ content: '<think>Cusco?</think>' }), part({ content: 'Lima' }, 'stop'))),
  );
  assert.equal(marked.risks[0]!.answerSpan?.text, 'Lima');
  const thinking = await stream(sse(events(part({ content: '<think>It is Lima' }, 'length'))));
  assert.deepEqual([thinking.risks[0]!.verdict, thinking.risks[0]!.score], ['uncertain', null]);
});

test('whole answers: parts, text in place of a message, any order, errors with status 200', async () => {
  const whole = async (json: unknown, more: object = {}) => {
    puppet.reply = () => ({ json });
    const response = await post(proxy, '/v1/chat/completions', { messages: MESSAGES, ...more });
    return (await response.json()) as {
      choices: { message: { content: unknown }; hneurons: AnswerRisk }[];
      error?: { message: string };
    };
  };
  const wanted = await scoreOf('Lima');
  for (const choice of [
    { message: { content: [{ type: 'text', text: 'Lima' }] }, finish_reason: 'stop' },
    { text: 'Lima', finish_reason: 'eos' },
  ]) {
    assert.deepEqual((await whole({ choices: [choice] })).choices[0].hneurons, wanted);
  }
  const silent = await whole({ choices: [{ message: { content: 'Lima' } }] });
  assert.deepEqual(silent.choices[0].hneurons, { ...wanted, ending: 'unknown' });
  const turned = await whole(
    {
      choices: [
        { index: 1, message: { content: 'Lima' }, finish_reason: 'stop' },
        { index: 0, message: { content: 'Cusco' }, finish_reason: 'stop' },
      ],
    },
    { n: 2 },
  );
  assert.deepEqual(
    turned.choices.map(({ message }) => message.content),
    ['Cusco', 'Lima'],
  );
  for (const failed of [
    { error: { message: 'busy' } },
    { error: 'busy' },
    { object: 'error', message: 'busy' },
  ]) {
    assert.match(String((await whole(failed)).error?.message), /failed during the answer; it says: busy/);
  }
  puppet.reply = () => ({ body: '', headers: { 'content-type': 'application/json' } });
  const empty = await post(proxy, '/v1/chat/completions', { messages: MESSAGES });
  assert.equal(empty.status, 502);
});
