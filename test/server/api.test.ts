import assert from 'node:assert/strict';
import { test } from 'node:test';
import type OpenAI from 'openai';
import { openEngine } from '../../src/engine/index.js';
import { scorePairs } from '../../src/pipeline/score.js';
import type { AnswerRisk } from '../../src/risk/index.js';
import { temporaryFolder } from '../support/temporary.js';
import { post, startTiny, TEMPLATE, type TestServer } from './support.js';

const folder = temporaryFolder();
const chat = await startTiny(folder, { tiny: { chatTemplate: TEMPLATE }, detector: { promptStyle: 'chat' } });
const base = await startTiny(folder);
const messages = [{ role: 'user' as const, content: 'What is the capital of Peru?' }];
const greedy = { model: 'tiny', temperature: 0, max_tokens: 12 };

type WithRisk = { hneurons: AnswerRisk };

/** Everything that a stream said about its choices. */
async function gather(stream: AsyncIterable<OpenAI.ChatCompletionChunk>) {
  const texts: string[] = [];
  const risks: { index: number; text: string; risk: number; cett?: number[] }[][] = [];
  const whole: AnswerRisk[] = [];
  const logprobs: number[] = [];
  let usage: OpenAI.CompletionUsage | undefined;
  let chunks = 0;
  for await (const chunk of stream) {
    chunks++;
    usage = chunk.usage ?? usage;
    for (const choice of chunk.choices) {
      const { index, delta, finish_reason } = choice;
      texts[index] = (texts[index] ?? '') + (delta.content ?? '');
      logprobs.push(...(choice.logprobs?.content ?? []).map(({ logprob }) => logprob));
      const said = (choice as unknown as WithRisk).hneurons;
      if (!said) continue;
      if (finish_reason) whole[index] = said;
      else risks[index] = [...(risks[index] ?? []), ...(said.tokens as unknown as (typeof risks)[0])];
    }
  }
  return { texts, risks, whole, usage, chunks, logprobs };
}

test('the models are listed', async () => {
  const list = await chat.client.models.list();
  assert.deepEqual(
    list.data.map(({ id }) => id),
    ['tiny'],
  );
  assert.equal((await chat.client.models.retrieve('tiny')).id, 'tiny');
  await assert.rejects(chat.client.models.retrieve('other'), { status: 404 });
  await assert.rejects(chat.client.chat.completions.create({ model: 'other', messages }), {
    status: 404,
    code: 'model_not_found',
  });
});

for (const [name, server] of [
  ['a chat model', chat],
  ['a base model', base],
] as [string, TestServer][]) {
  test(`a stream of ${name} gives the text, log probabilities and risks of the whole answer`, async () => {
    const wish = { ...greedy, messages, logprobs: true, top_logprobs: 2 };
    const whole = await server.client.chat.completions.create(wish);
    const choice = whole.choices[0] as (typeof whole.choices)[0] & WithRisk;
    const streamed = await gather(
      await server.client.chat.completions.create({
        ...wish,
        stream: true,
        stream_options: { include_usage: true },
        hneurons: { cett: [[1, 3]] },
      } as OpenAI.ChatCompletionCreateParamsStreaming),
    );
    assert.equal(streamed.texts[0], choice.message.content);
    assert.deepEqual(streamed.usage?.completion_tokens, whole.usage?.completion_tokens);
    assert.deepEqual(streamed.usage?.prompt_tokens, whole.usage?.prompt_tokens);
    // What a kept prefix saves is not computed in the same batch again, which changes the last digits.
    const near = (x: number, y: number) => assert.ok(Math.abs(x - y) < 1e-3, `${x} ${y}`);
    const { content } = choice.logprobs!;
    assert.equal(streamed.logprobs.length, content!.length);
    for (const [i, { logprob }] of content!.entries()) near(streamed.logprobs[i], logprob);
    for (const { logprob, top_logprobs } of content!) {
      assert.equal(top_logprobs.length, 2);
      // Greedy: the token drawn is the likeliest one.
      near(top_logprobs[0].logprob, logprob);
      assert.ok(logprob <= 0);
    }
    // Each token's risk comes once, in order, and the end repeats them.
    assert.deepEqual(
      streamed.risks[0].map(({ index }) => index),
      choice.hneurons.tokens.map((_, index) => index),
    );
    streamed.risks[0].forEach(({ risk, text, cett }, i) => {
      near(risk, choice.hneurons.tokens[i].risk);
      assert.equal(text, choice.hneurons.tokens[i].text);
      assert.equal(cett?.length, 1);
    });
    assert.equal(choice.hneurons.tokens.map(({ text }) => text).join(''), choice.message.content);
    near(streamed.whole[0].score!, choice.hneurons.score!);
    assert.deepEqual(streamed.whole[0].answerSpan, choice.hneurons.answerSpan);
  });
}

test('equal seeds draw equally, other seeds and further choices do not', async () => {
  const ask = async (seed: number) => {
    const { choices } = await chat.client.chat.completions.create({
      model: 'tiny',
      messages,
      seed,
      n: 3,
      max_tokens: 8,
    });
    assert.deepEqual(
      choices.map(({ index }) => index),
      [0, 1, 2],
    );
    return choices.map(({ message }) => message.content);
  };
  const first = await ask(7);
  assert.deepEqual(await ask(7), first);
  assert.notDeepEqual(await ask(-8), first);
  assert.equal(new Set(first).size, 3);
});

test('max_tokens and stop end an answer, and the reason is told', async () => {
  const cut = await chat.client.chat.completions.create({ ...greedy, messages });
  assert.equal(cut.choices[0].finish_reason, 'length');
  assert.equal(cut.usage?.completion_tokens, 12);
  const text = cut.choices[0].message.content!;
  const middle = [...text].slice(3, 5).join('');
  const stopped = await chat.client.chat.completions.create({
    ...greedy,
    messages,
    stop: [middle, 'never said'],
  });
  assert.equal(stopped.choices[0].finish_reason, 'stop');
  assert.equal(stopped.choices[0].message.content, text.slice(0, text.indexOf(middle)));
});

test('completions take texts, tokens and lists of them', async () => {
  const one = await base.client.completions.create({ ...greedy, prompt: 'Hello there', logprobs: 1 });
  assert.equal(one.object, 'text_completion');
  const { logprobs, text } = one.choices[0];
  assert.equal(logprobs!.tokens!.join(''), text);
  assert.equal(logprobs!.text_offset![1], logprobs!.tokens![0].length);
  const many = await base.client.completions.create({ ...greedy, prompt: ['Hello there', 'Other'], n: 2 });
  assert.equal(many.choices.length, 4);
  assert.deepEqual(
    many.choices.map(({ text }) => text === one.choices[0].text),
    [true, true, many.choices[2].text === text, many.choices[3].text === text],
  );
  let streamed = '';
  for await (const chunk of await base.client.completions.create({
    ...greedy,
    prompt: 'Hello there',
    stream: true,
  })) {
    streamed += chunk.choices[0].text;
  }
  assert.equal(streamed, text);
  const ids = await base.backend.call((engine) =>
    engine.tokenize(['Hello there'], { special: true, bos: true }),
  );
  const byTokens = await base.client.completions.create({ ...greedy, prompt: Array.from(ids[0]) });
  assert.equal(byTokens.choices[0].text, text);
});

test('a base model gets the last question in the style of its detector, earlier turns as examples', async () => {
  const { prompts } = base.context;
  const alone = await prompts.ofMessages([{ role: 'system', content: 'Be brief.' }, messages[0]]);
  const after = await prompts.ofMessages([
    { role: 'user', content: 'Who wrote\nHamlet?' },
    { role: 'assistant', content: 'Shakespeare\nof course' },
    messages[0],
  ]);
  const question = 'Question: What is the capital of Peru?\nAnswer:';
  assert.ok(alone.text.endsWith(question));
  const shots = alone.text.slice(0, -question.length);
  assert.equal(
    after.text,
    `${shots}Question: Who wrote Hamlet?\nAnswer: Shakespeare of course\n\n${question}`,
  );
  assert.deepEqual(alone.stop, ['\n']);
});

test('a given answer is scored as hneurons score does, one or many', async () => {
  const pairs = [
    { question: 'What is the capital of Peru?', answer: 'Lima' },
    { question: 'Who wrote "Hamlet"?', answer: 'The answer is William Shakespeare. He was born in 1564.' },
  ];
  const engine = await openEngine({ modelPath: base.modelPath, device: 'cpu', threads: 1 });
  const expected = await scorePairs(engine, base.detector, pairs).finally(() => engine.close());
  const { results } = (await (await post(base, '/v1/score', { items: pairs })).json()) as {
    results: AnswerRisk[];
  };
  results.forEach((risk, i) => {
    assert.ok(Math.abs(risk.score! - expected[i].score) < 1e-6);
    assert.ok(Math.abs(risk.probability! - expected[i].probability) < 1e-6);
    assert.deepEqual(
      risk.tokens.map(({ answer }) => answer),
      expected[i].tokens.map(({ answer }) => answer),
    );
    assert.equal(risk.tokens.map(({ text }) => text).join(''), pairs[i].answer);
  });
  const single = (await (await post(base, '/v1/score', pairs[1])).json()) as { results: AnswerRisk[] };
  assert.equal(single.results[0].answerSpan?.text, 'William Shakespeare');
  const byMessages = (await (
    await post(base, '/v1/score', {
      messages: [{ role: 'user', content: pairs[0].question }],
      answer: 'Lima',
    })
  ).json()) as { results: AnswerRisk[] };
  assert.ok(Math.abs(byMessages.results[0].score! - expected[0].score) < 1e-6);
});

test('an item that cannot be scored has an error in its place, and the others their scores', async () => {
  const good = { question: 'What is the capital of Peru?', answer: 'Lima' };
  const long = { question: 'word '.repeat(2000), answer: 'x' };
  const monster = { question: 'x'.repeat(100_000), answer: 'x' };
  const items = [
    good,
    { question: 'Who?', answer: ' ' },
    long,
    { question: 'Who?' },
    7,
    { messages: [{ role: 'user', content: good.question }], answer: 'Lima' },
    { ...good, colour: 1 },
    monster,
    { messages: [{ role: 'assistant', content: 'x' }], answer: 'x' },
    good,
  ];
  const response = await post(base, '/v1/score', { items });
  assert.equal(response.status, 200);
  const { results } = (await response.json()) as {
    results: (AnswerRisk & { error?: { message: string; param: string; code: string | null } })[];
  };
  assert.equal(results.length, items.length);
  for (const at of [0, 5, 9]) assert.ok(Math.abs(results[at].score! - results[0].score!) < 1e-6);
  const messages: Record<number, RegExp> = {
    1: /^items\.1\.answer: must not be empty$/,
    2: /^items\.2: .*maximum context length is 512 tokens/,
    3: /^items\.3\.answer: is missing$/,
    4: /^items\.4: /,
    6: /^items\.6: unknown field "colour"$/,
    7: /^items\.7: .*maximum context length/,
    8: /^items\.8\.messages: must end with a message of the user$/,
  };
  for (const [at, message] of Object.entries(messages))
    assert.match(results[Number(at)].error!.message, message);
  assert.equal(results[2].error?.code, 'context_length_exceeded');
  assert.equal(results[1].error?.param, 'items.1.answer');

  // Alone it is the request that is wrong.
  const refusal = async (body: unknown) => {
    const alone = await post(base, '/v1/score', body);
    assert.equal(alone.status, 400);
    return ((await alone.json()) as { error: { message: string } }).error.message;
  };
  assert.equal(await refusal({ question: 'Who?', answer: '' }), 'answer: must not be empty');
  assert.equal(await refusal({ question: 'Who?' }), 'answer: is missing');
  assert.match(await refusal(long), /maximum context length is 512 tokens/);
  assert.match(await refusal({ items: [] }), /^items/);
  assert.match(await refusal({ items: [good], colour: 1 }), /unknown field "colour"/);
  assert.match(await refusal([good]), /^the body: must be/);
  const broken = (await (
    await post(base, '/v1/score', { items: [{ question: 'Who?', answer: '' }] })
  ).json()) as {
    results: { error: object }[];
  };
  assert.ok(broken.results[0].error);
});

test('alpha changes the answer, 1 does not, and different alphas together are as each alone', async () => {
  const strong = Array.from({ length: 96 }, (_, j) => [1, j]);
  const ask = async (hneurons?: object) => {
    const body = { ...greedy, messages, hneurons } as OpenAI.ChatCompletionCreateParamsNonStreaming;
    return (await chat.client.chat.completions.create(body)).choices[0].message.content;
  };
  const plain = await ask();
  const alphas = [0, 0.5, 1, 2, 3];
  const alone: (string | null)[] = [];
  for (const alpha of alphas) alone.push(await ask({ alpha, neurons: strong }));
  assert.equal(alone[2], plain);
  assert.notEqual(alone[0], plain);
  assert.deepEqual(await Promise.all(alphas.map((alpha) => ask({ alpha, neurons: strong }))), alone);
  const off = await chat.client.chat.completions.create({
    ...greedy,
    messages,
    hneurons: { score: false },
  } as OpenAI.ChatCompletionCreateParamsNonStreaming);
  assert.ok(!('hneurons' in off.choices[0]));
});

test('the guard holds back or asks again for what is too risky, also in streams', async () => {
  // With this calibration every answer is risky.
  const risky = await startTiny(folder, { detector: { calibration: { slope: 0, intercept: 5 } } });
  const ask = (onRisk: string, temperature = 0) =>
    ({
      ...greedy,
      temperature,
      messages,
      hneurons: { onRisk },
    }) as OpenAI.ChatCompletionCreateParamsNonStreaming;
  const held = await risky.client.chat.completions.create(ask('abstain'));
  const risk = (held.choices[0] as unknown as WithRisk).hneurons;
  assert.match(held.choices[0].message.content!, /not sure/);
  assert.equal(risk.abstained, true);
  assert.equal(risk.verdict, 'hallucinated');
  const again = await risky.client.chat.completions.create(ask('retry', 1));
  assert.equal((again.choices[0] as unknown as WithRisk).hneurons.retries, 3);
  const streamed = await gather(
    await risky.client.chat.completions.create({
      ...ask('abstain'),
      stream: true,
    } as OpenAI.ChatCompletionCreateParamsStreaming),
  );
  assert.match(streamed.texts[0], /not sure/);
  assert.equal(streamed.whole[0].abstained, true);
});

test('without a detector answers are not scored, and what needs one is refused', async () => {
  const plain = await startTiny(folder, { detector: null });
  const { choices } = await plain.client.chat.completions.create({ ...greedy, messages });
  assert.ok(!('hneurons' in choices[0]));
  assert.equal((await post(plain, '/v1/score', { question: 'a', answer: 'b' })).status, 404);
  assert.equal(
    (await post(plain, '/v1/chat/completions', { messages, hneurons: { score: true } })).status,
    400,
  );
  const info = (await (await fetch(`${plain.url}/api/info`)).json()) as { detector: null; run: boolean };
  assert.deepEqual([info.detector, info.run], [null, false]);
  assert.equal((await fetch(`${plain.url}/api/run`)).status, 404);
});
