import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { commonPrefix, type ModelInfo, promptStyle } from '../../src/engine/index.js';
import { openTiny } from '../support/engines.js';
import { expectUserError } from '../support/expect-user-error.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();
const TEXTS = [
  '',
  ' ',
  'plain words',
  ' leading and trailing ',
  'a\n\n\tb\r\n',
  'naïve café – “quotes” …',
  '日本語のテキスト、한국어, ไทย, العربية',
  '👩‍👩‍👧‍👦 🏳️‍🌈 \u{10FFFF}',
  '\u0000\u0001\u007f\u0080\u202e',
  'x'.repeat(5000),
  '<|im_start|>user',
];

describe('tokenise and detokenise', () => {
  for (const [architecture, tokenizer] of [
    ['llama', 'spm'],
    ['qwen2', 'bpe'],
  ] as const)
    it(`every text survives: ${tokenizer}`, async () => {
      const { engine } = await openTiny(folder, { architecture, tokenizer });
      const all = await engine.tokenize(TEXTS, { special: false, bos: false });
      for (const [i, tokens] of all.entries()) {
        assert.equal(await engine.detokenize(tokens), TEXTS[i]);
        const pieces = await engine.pieces(tokens);
        assert.equal(Buffer.concat(pieces).toString('utf8'), TEXTS[i]);
      }
      // Every single byte, also those that are no character by themselves.
      const vocabulary = Array.from({ length: engine.model.vocab }, (_, token) => token);
      const bytes = new Set((await engine.pieces(vocabulary)).filter((p) => p.length === 1).map((p) => p[0]));
      assert.equal(bytes.size, 256);
    });

  it('special tokens are parsed only when asked for; BOS only where the model wants one', async () => {
    const { engine } = await openTiny(folder, { architecture: 'llama', addBos: true });
    const text = ['<|im_start|>'];
    const [parsed] = await engine.tokenize(text, { special: true, bos: false });
    const [literal] = await engine.tokenize(text, { special: false, bos: false });
    assert.equal(parsed.length, 1);
    assert.ok(literal.length > 1);
    const [withBos] = await engine.tokenize(['a'], { special: false, bos: true });
    const [without] = await engine.tokenize(['a'], { special: false, bos: false });
    assert.equal(withBos.length, without.length + 1);
    const { engine: plain } = await openTiny(folder, { architecture: 'qwen2', addBos: false });
    assert.equal((await plain.tokenize(['a'], { special: false, bos: true }))[0].length, 1);
  });
});

const TEMPLATE =
  "{{ bos_token }}{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

const INFO = { name: 'tiny', bosToken: '<s>', eosToken: '</s>', addBos: true } as ModelInfo;

describe('prompts', () => {
  const examples = [{ question: 'How many legs has a spider?', answer: 'eight' }];

  it('a chat model gets its own template, with BOS left to the tokenizer', async () => {
    const style = promptStyle({ ...INFO, chatTemplate: TEMPLATE }, 'auto', examples);
    assert.equal(style.kind, 'chat');
    assert.equal(
      await style.text('Who?'),
      '<|im_start|>user\nWho? Respond with the answer only, without any explanation.<|im_end|>\n<|im_start|>assistant\n',
    );
    assert.deepEqual(style.stop, []);
    const without = promptStyle({ ...INFO, addBos: false, chatTemplate: TEMPLATE }, 'auto', examples);
    assert.ok((await without.text('Who?')).startsWith('<s><|im_start|>'));
  });

  it('a base model gets worked examples, and stops at the newline', async () => {
    const style = promptStyle(INFO, 'auto', examples);
    assert.equal(style.kind, 'few-shot');
    assert.equal(
      await style.text('Who?'),
      'Question: How many legs has a spider?\nAnswer: eight\n\nQuestion: Who?\nAnswer:',
    );
    assert.deepEqual(style.stop, ['\n']);
    assert.equal(await promptStyle(INFO, 'plain', examples).text('Who?'), 'Question: Who?\nAnswer:');
  });

  it('set by hand: few-shot for a chat model, chat for a base model is refused', async () => {
    assert.equal(promptStyle({ ...INFO, chatTemplate: TEMPLATE }, 'few-shot', examples).kind, 'few-shot');
    await expectUserError(() => promptStyle(INFO, 'chat', examples), /no chat template.*few-shot/);
  });

  it('a template that cannot be rendered is one clear line', async () => {
    for (const chatTemplate of [
      '{% if %}',
      "{{ raise_exception('no\nsystem') }}",
      '{{ messages[9].content.x() }}',
    ])
      await expectUserError(
        () => promptStyle({ ...INFO, chatTemplate }, 'auto', examples).text('Who?'),
        /chat template of tiny cannot be rendered/,
      );
  });

  it('the common prefix leaves each prompt at least one token', () => {
    assert.deepEqual(
      [
        ...commonPrefix([
          [1, 2, 3],
          [1, 2, 4],
        ]),
      ],
      [1, 2],
    );
    assert.deepEqual(
      [
        ...commonPrefix([
          [1, 2],
          [1, 2, 4],
        ]),
      ],
      [1],
    );
    assert.deepEqual([...commonPrefix([[1, 2]])], []);
    assert.deepEqual([...commonPrefix([[5], [6]])], []);
  });
});
