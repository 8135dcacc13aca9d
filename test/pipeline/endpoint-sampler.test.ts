import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Engine } from '../../src/engine/index.js';
import { ruleJudge, ruleSpans } from '../../src/judge/rule-judge.js';
import { type EndpointAccess, openEndpointSampler } from '../../src/pipeline/endpoint-sampler.js';
import { makeCases } from '../../src/pipeline/make-cases.js';
import type { Response } from '../../src/pipeline/responses.js';
import { sampleQuestions } from '../../src/pipeline/sample-questions.js';
import { makeCollectSettings } from '../../src/pipeline/settings.js';
import { splitQuestions } from '../../src/pipeline/split.js';
import type { ChatServer, Reply } from '../support/chat-server.js';
import { expectUserError } from '../support/expect-user-error.js';
import { fakeEngine, fakeModel, fakeQuestions } from '../support/fake-engine.js';
import { askedAbout, type FakeServerOptions, startFakeServer } from '../support/fake-server.js';
import { temporaryFolder } from '../support/temporary.js';

const root = temporaryFolder();
const questions = splitQuestions(fakeQuestions(4, ['first', 'second']), 1);
const judging = { judge: ruleJudge(), spans: ruleSpans() };
let runs = 0;

interface Options {
  access?: EndpointAccess;
  engine?: Engine;
  path?: string;
  settings?: Partial<Parameters<typeof makeCollectSettings>[0]>;
}

async function collect(server: ChatServer, { access, engine = fakeEngine(), path, settings }: Options = {}) {
  const notices: string[] = [];
  const made = makeCollectSettings({
    promptStyle: 'few-shot',
    seed: 1,
    samples: 5,
    quota: null,
    endpoint: server.url,
    endpointModel: 'served',
    ...settings,
  });
  const sampler = openEndpointSampler({
    engine,
    settings: made,
    access: { concurrency: 3, retries: 1, backoffMs: 1, env: {}, ...access },
    onNotice: (message) => notices.push(message),
  });
  const file = path ?? join(root, `responses-${runs++}.jsonl`);
  const sampled = await sampleQuestions({
    sampler,
    judging,
    questions,
    settings: made,
    path: file,
    onProgress() {},
  });
  return { ...sampled, notices, sampler, list: [...sampled.responses.values()] };
}

const kindOf = (id: string) => id.split('/')[1];

/** Sure and lost questions have their class; torn ones are mixed but for a freak of chance. */
function assertClasses(responses: Response[]): void {
  assert.equal(responses.length, questions.length);
  for (const { id, class: kind } of responses) {
    if (kindOf(id) === 'sure') assert.equal(kind, 'faithful', id);
    else if (kindOf(id) === 'lost') assert.equal(kind, 'hallucinated', id);
  }
  assert.ok(responses.filter((one) => one.class === 'mixed').length >= 5);
}

test('all samples in one request, with the settings of the run, a bounded number of questions at a time', async () => {
  const server = await startFakeServer({ logprobs: true });
  const { reply } = server;
  server.reply = async (...all) => {
    await sleep(5);
    return reply(...all);
  };
  const { list, notices } = await collect(server, { settings: { minP: 0.05 } });
  assertClasses(list);
  assert.deepEqual(notices, []);
  assert.equal(server.requests.length, questions.length);
  assert.equal(server.peak(), 3);
  for (const { body, path } of server.requests) {
    assert.equal(path, '/v1/completions');
    const { model, n, temperature, top_p, top_k, min_p, max_tokens, stop, prompt } = body;
    assert.deepEqual(
      { model, n, temperature, top_p, top_k, min_p, max_tokens, stop },
      {
        model: 'served',
        n: 5,
        temperature: 1,
        top_p: 0.9,
        top_k: 50,
        min_p: 0.05,
        max_tokens: 50,
        stop: ['\n'],
      },
    );
    assert.match(prompt!, /^Question: What is the capital of France\?\nAnswer: Paris\n\n.*\nAnswer:$/s);
  }
  assert.equal(new Set(server.requests.map(({ body }) => body.seed)).size, questions.length);
  for (const { samples } of list) {
    assert.deepEqual(
      samples.map(({ index }) => index),
      [0, 1, 2, 3, 4],
    );
    for (const { text, tokens, logProbability } of samples) {
      assert.equal(Buffer.from(tokens).toString(), text);
      assert.equal(logProbability, -2);
    }
  }
});

test('a server that gives one answer at a time is asked again, until the question is of no more use', async () => {
  for (const options of [
    { ignoresN: true },
    { refuses: ['n'] },
    { refuses: ['n'], names: 'param' },
  ] as FakeServerOptions[]) {
    const server = await startFakeServer(options);
    const { list } = await collect(server);
    assertClasses(list);
    const seeds = server.requests.filter(({ body }) => body.n === undefined).map(({ body }) => body.seed);
    assert.equal(new Set(seeds).size, seeds.length, 'the same seed would give the same answer');
    for (const { id, samples, stopped } of list) {
      if (kindOf(id) !== 'torn') assert.equal(samples.length, 5);
      assert.equal(stopped, samples.length < 5);
      assert.ok(samples.every(({ logProbability }) => logProbability === null));
    }
    const stopped = list.filter((one) => one.stopped);
    assert.ok(stopped.length >= 4, 'torn questions end with the first sample of the other kind');
  }
});

test('a field that the server refuses is left out, and told of once', async () => {
  for (const names of ['param', 'detail'] as const) {
    const server = await startFakeServer({ refuses: ['top_k', 'logprobs'], names });
    const { list, notices } = await collect(server);
    assertClasses(list);
    assert.deepEqual(
      new Set(notices),
      new Set([`${new URL(server.url).host} does not take top_k, logprobs: asked without`]),
    );
    assert.equal(notices.length, 1);
    const accepted = server.requests.filter(({ body }) => !('top_k' in body) && !('logprobs' in body));
    assert.equal(accepted.length, questions.length);
    // The others are still sent.
    assert.ok(accepted.every(({ body }) => body.n === 5 && body.seed !== undefined));
  }

  // An unnamed refusal: what changes the answers goes last.
  const silent = await startFakeServer({ refuses: ['seed'] });
  const { notices: told } = await collect(silent);
  assert.match(told[0], /does not take logprobs, n, seed: /);
  assert.ok(silent.requests.every(({ body }) => body.top_k === 50));
});

test('a question that alone is refused or filtered is counted and listed; many in a row end the run', async () => {
  const server = await startFakeServer();
  const { reply } = server;
  server.reply = (request, index): Reply | Promise<Reply> => {
    const { kind, number } = askedAbout(request);
    if (kind === 'lost' && number === 1) return { status: 400, body: '{"error":{"message":"flagged"}}' };
    if (kind === 'lost' && number === 2)
      return { json: { choices: [{ text: null, finish_reason: 'content_filter' }] } };
    return reply(request, index);
  };
  const { list, notices } = await collect(server);
  const failed = list.filter((one) => one.class === 'failed');
  assert.deepEqual(failed.map(({ id }) => id).sort(), [
    'first/lost/1',
    'first/lost/2',
    'second/lost/1',
    'second/lost/2',
  ]);
  assert.match(failed.map(({ reason }) => reason).join(), /flagged/);
  assert.deepEqual(notices, [], 'a refusal of one question says nothing about fields');

  server.reply = () => ({ status: 400, body: '{"error":{"message":"no such thing"}}' });
  await expectUserError(() => collect(server), /refuses the request \(400\): .*no such thing/);
});

test('a server that hangs, hangs up, sends garbage or has gone: one line, nothing lost, and the same run goes on', async () => {
  const faults: [Exclude<Reply, string | string[]>, RegExp][] = [
    [{ hang: true }, /gave no answer within 1 s$/],
    [{ body: '{"choices": [', hang: true }, /gave no answer within 1 s$/],
    [{ cut: true }, /cut the connection/],
    [{ body: '<html>', status: 200 }, /sent a web page/],
    [{ status: 503, body: 'overloaded' }, /failed with status 503/],
    [{ status: 401, body: '{}' }, /denies access/],
  ];
  for (const [fault, message] of faults) {
    const server = await startFakeServer();
    const path = join(root, `faulty-${runs++}.jsonl`);
    let answered = 0;
    const { reply } = server;
    server.reply = (...all) => (answered++ < 10 ? reply(...all) : fault);
    await expectUserError(
      () =>
        collect(server, {
          path,
          access: 'hang' in fault ? { timeoutMs: 1000, retries: 0 } : { timeoutMs: 20_000 },
        }),
      message,
    );
    const kept = readFileSync(path, 'utf8')
      .trim()
      .split('\n')
      .map((line): string => JSON.parse(line).id);
    assert.ok(kept.length >= 1 && kept.length <= 10, `${kept}`);
    server.reply = reply;
    // Known by its key: a request that was given up may reach the server only now.
    const { list } = await collect(server, { path, access: { env: { OPENAI_API_KEY: 'again' } } });
    assertClasses(list);
    const asked = server.requests
      .filter(({ authorization }) => authorization === 'Bearer again')
      .map(askedAbout)
      .map(({ relation, kind, number }) => `${relation}/${kind}/${number}`);
    const ids = questions.map(({ id }) => id);
    assert.deepEqual(asked.sort(), ids.filter((id) => !kept.includes(id)).sort());
  }
});

test('Ctrl-C ends requests under way at once', async () => {
  const server = await startFakeServer();
  server.reply = () => ({ hang: true });
  const controller = new AbortController();
  const settings = makeCollectSettings({
    promptStyle: 'few-shot',
    seed: 1,
    endpoint: server.url,
    endpointModel: 'm',
  });
  const sampler = openEndpointSampler({
    engine: fakeEngine(),
    settings,
    access: { env: {} },
    signal: controller.signal,
    onNotice() {},
  });
  const path = join(root, 'stopped.jsonl');
  const run = sampleQuestions({ sampler, judging, questions, settings, path, onProgress() {} });
  setTimeout(() => controller.abort(new Error('stopped')), 30);
  const began = performance.now();
  await assert.rejects(run, /^Error: stopped$/);
  assert.ok(performance.now() - began < 2000);
});

test('chat models get the bare request; their answer is put behind the template here', async () => {
  const chatTemplate =
    '{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}<|im_start|>assistant:';
  const engine = { ...fakeEngine(), model: { ...fakeModel, chatTemplate } };
  const server = await startFakeServer({ logprobs: true });
  const { list, sampler } = await collect(server, { engine, settings: { promptStyle: 'chat' } });
  assertClasses(list);
  const [{ path, body }] = server.requests;
  assert.equal(path, '/v1/chat/completions');
  assert.deepEqual(
    body.messages!.map(({ role }) => role),
    ['user'],
  );
  assert.match(body.messages![0].content, /kind\? Respond with the answer only, without any explanation\.$/);
  assert.equal(body.logprobs, true);
  const response = list.find((one) => one.class === 'hallucinated')!;
  const question = questions.find(({ id }) => id === response.id)!;
  const [one] = await makeCases(engine, sampler, judging.spans, [{ question, response }]);
  const text = Buffer.from(one.token_ids.slice(1)).toString();
  assert.ok(text.endsWith(`explanation.<|im_end|>\n<|im_start|>assistant:${one.response}`), text);
  assert.equal(Buffer.from(one.token_ids.slice(one.response_start)).toString(), one.response);
  assert.match(Buffer.from(one.token_ids.slice(one.answer_start, one.answer_end)).toString(), /^wrong \d$/);
  // By the model that is read, not by the server, which said -2 in 2 tokens.
  const asked = one.token_ids
    .slice(one.response_start)
    .map((token, i) => ({ at: one.response_start - 1 + i, tokens: [token] }));
  const [values] = await engine.logProbabilities([{ tokens: one.token_ids, asked }]);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  assert.ok(Math.abs(one.mean_log_probability - mean) < 1e-9);
});

test('stop strings that a server passes over, and a missing space, are made good', async () => {
  const server = await startFakeServer();
  server.reply = (request) => {
    const { kind, number, relation } = askedAbout(request);
    const text = kind === 'sure' ? `right ${relation} ${number}` : 'wrong 7';
    return Array.from({ length: 5 }, () => `${text}\n\nQuestion: What else?`);
  };
  const { list } = await collect(server);
  for (const { samples, id } of list) {
    for (const { text, finish } of samples) {
      assert.equal(finish, 'stop');
      assert.match(text, kindOf(id) === 'sure' ? /^ right \w+ \d$/ : /^ wrong 7$/);
    }
  }
});

test('what the local tokenizer cannot spell is judged, but not read', async () => {
  const plain = fakeEngine();
  // A tokenizer that takes accents off, as some do.
  const engine: Engine = {
    ...plain,
    tokenize: (texts, options) =>
      plain.tokenize(
        texts.map((text) => text.replaceAll('é', 'e')),
        options,
      ),
  };
  const server = await startFakeServer();
  server.reply = (request) => {
    const { kind, number } = askedAbout(request);
    const rare = kind === 'lost' && number < 2 ? Array.from({ length: number + 1 }, () => ' wrong') : [];
    return kind === 'lost'
      ? [...rare, ...Array.from({ length: 5 - rare.length }, () => ' wrongé')]
      : Array(5).fill(' x');
  };
  const { list, sampler } = await collect(server, { engine });
  const lost = list.filter(({ id }) => kindOf(id) === 'lost');
  for (const response of lost) {
    const spelled = Number(response.id.split('/')[2]) < 2;
    // Those that have a response that can be read are of use by it.
    assert.equal(response.class, spelled ? 'hallucinated' : 'uncertain', response.id);
    assert.ok(response.samples.some(({ unreadable, tokens }) => unreadable && tokens.length === 0));
    if (!spelled) continue;
    const question = questions.find(({ id }) => id === response.id)!;
    const [one] = await makeCases(engine, sampler, judging.spans, [{ question, response }]);
    assert.equal(one.response, ' wrong');
  }
});

/** The fake server, with something else in each choice. */
async function startAlteredServer(alter: (choice: Record<string, unknown>, about: string) => object) {
  const server = await startFakeServer();
  const { reply } = server;
  server.reply = async (request, index) => {
    const { json } = (await reply(request, index)) as { json: { choices: Record<string, unknown>[] } };
    const { kind } = askedAbout(request);
    return { json: { choices: json.choices.map((choice) => ({ ...choice, ...alter(choice, kind) })) } };
  };
  return server;
}

test('an answer that the server broke off leaves its question out; one at the token limit is known as such', async () => {
  const server = await startAlteredServer((_, kind) => ({
    finish_reason: kind === 'lost' ? 'content_filter' : kind === 'sure' ? 'max_tokens' : 'eos',
  }));
  const { list } = await collect(server);
  for (const { id, class: kind, reason, samples } of list) {
    if (kindOf(id) === 'lost') {
      assert.deepEqual([kind, samples], ['failed', []]);
      assert.match(String(reason), /broke an answer off \(filtered/);
    } else {
      const finish = kindOf(id) === 'sure' ? 'length' : 'stop';
      assert.ok(samples.every((sample) => sample.finish === finish));
    }
  }
});

test('answers whose tokens all went into a thought stop the run with a hint; a few are counted and not judged', async () => {
  const spent = await startAlteredServer(() => ({ text: '', finish_reason: 'length' }));
  await expectUserError(() => collect(spent), /end inside a thought.*raise --max-tokens/);
  const few = await startAlteredServer((_, kind) => (kind === 'sure' ? {} : { text: ' wrong' }));
  let spoilt = 0;
  const { reply } = few;
  few.reply = async (request, index) => {
    const answer = await reply(request, index);
    if (askedAbout(request).kind !== 'sure' || spoilt++ > 0) return answer;
    const { choices } = (answer as { json: { choices: object[] } }).json;
    return { json: { choices: choices.map((one) => ({ ...one, text: null, finish_reason: 'length' })) } };
  };
  const { list } = await collect(few, { access: { concurrency: 1 }, settings: { samples: 1 } });
  const unfinished = list.filter(({ samples }) => samples.some((sample) => sample.unfinished));
  assert.equal(unfinished.length, 1);
  assert.deepEqual(
    unfinished.map((one) => [one.class, one.samples[0].verdict]),
    [['uncertain', 'uncertain']],
  );
});
