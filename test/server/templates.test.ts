import assert from 'node:assert/strict';
import { test } from 'node:test';
import { temporaryFolder } from '../support/temporary.js';
import { startTiny } from './support.js';

/** Chat templates that loop, ask for the day or open a thought, under a server. */
const folder = temporaryFolder();
const EACH = '{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}';
const LOOP =
  '{% for a in range(9999) %}{% for b in range(9999) %}{% for c in range(9999) %}{% endfor %}{% endfor %}{% endfor %}';

test('a template that hangs on one conversation stops neither the server nor other conversations', async () => {
  const { client, url } = await startTiny(folder, {
    tiny: { chatTemplate: `{% if messages[0].content == "loop" %}${LOOP}{% endif %}${EACH}<assistant>` },
    detector: { promptStyle: 'chat' },
  });
  const ask = (content: string) =>
    client.chat.completions.create({
      ...{ model: 'tiny', messages: [{ role: 'user', content }], max_tokens: 2 },
    });
  const stuck = assert.rejects(ask('loop'), {
    status: 400,
    message: /cannot be rendered \(it takes longer than 5 s\)/,
  });
  assert.equal((await fetch(`${url}/health`)).status, 200);
  assert.equal((await ask('Who?')).choices.length, 1);
  await stuck;
});

test('a template that leaves the question out is told of at the start, and refuses chats', async () => {
  const { client, said } = await startTiny(folder, {
    tiny: { chatTemplate: '<user>Hello<assistant>' },
    detector: { promptStyle: 'chat' },
  });
  assert.match(said.join('\n'), /warning: The chat template .* leaves out the user message/);
  await assert.rejects(
    client.chat.completions.create({ model: 'tiny', messages: [{ role: 'user', content: 'Who?' }] }),
    { status: 400, message: /leaves out/ },
  );
});

test('a chat is asked on the day of the detector; a response that does not leave its thought has no risk', async () => {
  const { client, context } = await startTiny(folder, {
    tiny: { chatTemplate: `{{ strftime_now("%d %b %Y") }}${EACH}<assistant><think>\n` },
    detector: { promptStyle: 'chat', promptDate: '2025-10-03' },
  });
  const messages = [{ role: 'user' as const, content: 'Who?' }];
  const { text } = await context.prompts.ofMessages(messages);
  assert.equal(text, '03 Oct 2025<user>Who?<assistant><think>');
  const answer = await client.chat.completions.create({
    model: 'tiny',
    messages,
    max_tokens: 8,
    temperature: 0,
  });
  const { hneurons } = answer.choices[0] as unknown as {
    hneurons: { probability: number | null; reason?: string; verdict: string; spans: unknown[] };
  };
  assert.equal(hneurons.probability, null);
  assert.equal(hneurons.reason, 'unfinished_thought');
  assert.equal(hneurons.verdict, 'uncertain');
  assert.deepEqual(hneurons.spans, []);
});
