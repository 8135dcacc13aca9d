import assert from 'node:assert/strict';
import { test } from 'node:test';
import type OpenAI from 'openai';
import { temporaryFolder } from '../support/temporary.js';
import { startTiny, TEMPLATE } from './support.js';

/** Tiny models speak in single bytes, most of which are no UTF-8 by themselves. */
const folder = temporaryFolder();
const chat = await startTiny(folder, { tiny: { chatTemplate: TEMPLATE }, detector: null });
const base = await startTiny(folder, { tiny: { tokenizer: 'spm' } });
const wish = {
  model: 'tiny',
  messages: [{ role: 'user' as const, content: 'What is it?' }],
  logprobs: true,
  top_logprobs: 20,
  temperature: 1,
  max_tokens: 48,
};
type Entry = OpenAI.ChatCompletionTokenLogprob;

for (const [name, server] of [
  ['a chat model', chat],
  ['a base model, whose answers begin within a line', base],
] as const) {
  test(`the bytes of tokens are those of the answer, whole and streamed: ${name}`, async () => {
    let partial = 0;
    let likely = 0;
    for (let seed = 1; seed <= 8; seed++) {
      const whole = (await server.client.chat.completions.create({ ...wish, seed })).choices[0];
      const streamed: Entry[] = [];
      let text = '';
      const stream = await server.client.chat.completions.create({ ...wish, seed, stream: true });
      for await (const { choices } of stream) {
        text += choices[0]?.delta.content ?? '';
        streamed.push(...(choices[0]?.logprobs?.content ?? []));
      }
      assert.equal(text, whole.message.content);
      for (const content of [whole.logprobs!.content!, streamed]) {
        const bytes = Buffer.from(content.flatMap((one) => one.bytes!));
        assert.equal(bytes.toString(), text);
        assert.equal(content.map(({ token }) => token).join(''), text);
        for (const { token, bytes, logprob, top_logprobs } of content) {
          partial += Number(!Buffer.from(token).equals(Buffer.from(bytes!)));
          // Where the token that was drawn is among the likely ones, it is spelled alike.
          const same = top_logprobs.filter((one) => one.logprob === logprob);
          likely += same.length;
          if (same.length === 1) assert.deepEqual([same[0].token, same[0].bytes], [token, bytes]);
        }
        // Bytes that are no character are shown as one that cannot be read, but listed as they are.
        const odd = content.flatMap(({ top_logprobs }) =>
          top_logprobs.filter(({ token }) => token === '\ufffd'),
        );
        assert.ok(odd.every(({ bytes }) => bytes!.length === 1 && bytes![0] >= 0x80));
        assert.ok(odd.length > 0);
      }
    }
    assert.ok(partial > 10 && likely > 10, `${partial} ${likely}`);
  });
}
