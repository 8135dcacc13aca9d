import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { ModelInfo } from '../../src/engine/index.js';
import { type ChatMessage, renderConversation } from '../../src/engine/template/conversation.js';
import { createTemplatePool } from '../../src/engine/template/pool.js';
import { renderTemplate } from '../../src/engine/template/render.js';
import { strftime } from '../../src/engine/template/strftime.js';
import { asksForDate, chatRenderer } from '../../src/engine/text/prompt.js';
import { expectUserError } from '../support/expect-user-error.js';

const NOW = new Date('2026-02-03T13:04:05Z');
const user = (content: string): ChatMessage => ({ role: 'user', content });
const system = (content: string): ChatMessage => ({ role: 'system', content });
const assistant = (content: string): ChatMessage => ({ role: 'assistant', content });
const render = (template: string, messages: ChatMessage[] = []) =>
  renderConversation({ template, messages, variables: { enable_thinking: false }, now: NOW.getTime() });
const EACH = '{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}';

describe('chat templates', () => {
  it('dates are those of Python in the C locale', () => {
    const cases: [code: string, text: string][] = [
      ['%d %b %Y', '03 Feb 2026'],
      ['%A, %B %-d, %y', 'Tuesday, February 3, 26'],
      ['%a %e %j %U %V %W %G %u %w', 'Tue  3 034 05 06 05 2026 2 2'],
      ['%H:%M:%S %I %p %-I %l', '13:04:05 01 PM 1  1'],
      [
        '%c|%x|%X|%F|%D|%T|%R',
        'Tue Feb  3 13:04:05 2026|02/03/26|13:04:05|2026-02-03|02/03/26|13:04:05|13:04',
      ],
      ['%z %Z %% %Q %', '+0000 UTC % %Q %'],
      ['%^a %_d %-j', 'TUE  3 34'],
    ];
    for (const [code, text] of cases) assert.equal(strftime(NOW, code), text, code);
    assert.equal(strftime(new Date('2027-01-01T00:00:00Z'), '%G-%V %j %I'), '2026-53 001 12');
  });

  it('a prompt is the same in every locale and time zone', () => {
    const module = new URL('../../src/engine/template/render.js', import.meta.url).href;
    const code = `import { renderTemplate } from ${JSON.stringify(module)};
      console.log(renderTemplate('{{ strftime_now("%A %d %B %Y %p") }}', {}, new Date('2026-10-03')))`;
    for (const [locale, zone] of [
      ['de_DE.UTF-8', 'Pacific/Kiritimati'],
      ['ja_JP.UTF-8', 'America/Los_Angeles'],
    ]) {
      const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
        encoding: 'utf8',
        env: { ...process.env, LC_ALL: locale, LANG: locale, TZ: zone },
      });
      assert.equal(stdout.trim(), 'Saturday 03 October 2026 AM');
    }
  });

  it('what a template may ask for is there as transformers passes it', () => {
    for (const [template, text] of [
      ['{% if tools is not none %}{% for t in tools %}x{% endfor %}{% endif %}', ''],
      ['{{ tools is none }}{{ documents is none }}{{ tools is defined }}', 'truetruetrue'],
      [
        '{% if not date_string is defined %}{% set date_string = "26 Jul 2024" %}{% endif %}{{ date_string }}',
        '26 Jul 2024',
      ],
      ['{% if strftime_now is defined %}{{ strftime_now("%d %b %Y") }}{% endif %}', '03 Feb 2026'],
      ['{% set ns = namespace(a=1) %}{% for i in range(3) %}{% set ns.a = i %}{% endfor %}{{ ns.a }}', '2'],
      ['{% for k, v in {"b": 1, "a": 2}|items %}{{ k }}{% endfor %}', 'ba'],
      ['{% for k, v in {"b": 1, "a": 2}|dictsort %}{{ k }}{% endfor %}', 'ab'],
      ['{{ {"a": [1]}|tojson(indent=1) }}', '{\n "a": [\n  1\n ]\n}'],
      ['{% generation %}x{% endgeneration %}', 'x'],
      [
        '{% for i in range(9) %}{% if i == 2 %}{% continue %}{% elif i == 4 %}{% break %}{% endif %}{{ i }}{% endfor %}',
        '013',
      ],
      ['a\r\n{% if true %}\r\nb{% endif %}', 'a\nb'],
      ['{{ enable_thinking }}{{ add_generation_prompt }}', 'falsetrue'],
      // Methods whose arguments the interpreter ignores, and methods that it lacks.
      ['{{ "\n\n a \n".strip("\n") }}|{{ "\n a".lstrip("\n") }}|{{ "a \n".rstrip("\n") }}', ' a | a|a '],
      ['{{ " a ".strip() }}|{{ "xxaxx".strip("x") }}', 'a|a'],
      [
        '{{ "a,b,c".rsplit(",", 1)[0] }}|{{ "a\nb".splitlines()|length }}|{{ ", ".join(["a", "b"]) }}',
        'a,b|2|a, b',
      ],
      ['{{ "abc".find("c") }}{{ "aa".count("a") }}{{ "abc".removeprefix("a") }}', '22bc'],
    ] as const)
      assert.equal(
        renderTemplate(template, { enable_thinking: false, add_generation_prompt: true }, NOW),
        text,
        template,
      );
    assert.throws(() => renderTemplate('{{ raise_exception("no") }}', {}, NOW), /^Error: no$/);
    assert.throws(() => renderTemplate('{{ range(10**9) }}', {}, NOW), /range/);
  });

  it('contents are given as text, or as lists of parts to templates that want those', () => {
    const parts =
      '{% for m in messages %}<{{ m.role }}>{% for p in m.content %}{% if p.type == "text" %}{{ p.text }}{% endif %}{% endfor %}{% endfor %}';
    assert.equal(render(EACH, [user('Who?')]), '<user>Who?');
    assert.equal(render(parts, [system('Be brief.'), user('Who?')]), '<system>Be brief.<user>Who?');
    assert.equal(render('{{ messages[0].content[0].text }}', [user('Who?')]), 'Who?');
  });

  it('a template that swallows what was said is refused', () => {
    for (const template of [
      '<user>Hello<assistant>',
      '{{ messages[0].content[:3] }}',
      '{{ messages[0].content.split(" ")[0] }}',
      '{% for m in messages %}{% if m.role == "human" %}{{ m.content }}{% endif %}{% endfor %}',
      // By chance: "hi" is in "this".
      'this',
    ]) {
      for (const content of ['What is the capital of Peru?', 'hi there'])
        assert.throws(() => render(template, [user(content)]), /leaves out the user message "/, template);
    }
    assert.throws(() => render('this', [user('hi')]), /leaves out what the user says/);
    const last = '{{ messages[-1].content }}';
    assert.equal(render(last, [user('Who?')]), 'Who?');
    assert.throws(
      () => render(last, [user('One?'), assistant('Two.'), user('Three?')]),
      /leaves out the user message "One\?"/,
    );
    assert.throws(
      () =>
        render('{% for m in messages|reverse %}{{ m.content }} {% endfor %}', [
          user('One?'),
          assistant('Two.'),
          user('Three?'),
        ]),
      /leaves out/,
    );
  });

  it('white space, case, escapes and dropped thoughts are no loss', () => {
    const turns = [user(' a <b>\n"c" '), assistant('<think>hm</think>\nYes.'), user('Sure?')];
    for (const template of [
      '{% for m in messages %}{{ m.content|trim }}\n{% endfor %}',
      '{% for m in messages %}{{ m.content|upper }}{% endfor %}',
      '{% for m in messages %}{{ m.content|tojson }}{% endfor %}',
      '{% for m in messages %}{{ m.content.split("</think>")[-1] }}{% endfor %}',
    ])
      assert.ok(render(template, turns).length > 10, template);
  });

  it('a system message that a template refuses or drops goes in front of the first question', () => {
    const turns = [system('Be brief.'), user('Who?')];
    const throwing = `{% if messages[0].role == "system" %}{{ raise_exception("System role not supported") }}{% endif %}${EACH}`;
    const dropping =
      '{% for m in messages %}{% if m.role != "system" %}<{{ m.role }}>{{ m.content }}{% endif %}{% endfor %}';
    for (const template of [throwing, dropping])
      assert.equal(render(template, turns), '<user>Be brief.\n\nWho?', template);
    assert.equal(render(EACH, turns), '<system>Be brief.<user>Who?');
    assert.equal(
      render(throwing, [system('Be brief.'), assistant('Hello'), user('Who?')]),
      '<user>Be brief.<assistant>Hello<user>Who?',
    );
    // The first reason is the one that is told.
    assert.throws(() => render('{{ raise_exception("only tools") }}', turns), /only tools/);
  });
});

describe('the process that renders', () => {
  // Only what must run into the limit of time has a short one.
  const pool = createTemplatePool({ limitMs: 60_000, memoryMb: 48 });
  const hasty = createTemplatePool({ limitMs: 3000, patienceMs: 100 });
  after(() => {
    pool.close();
    hasty.close();
  });
  const ask = (template: string, content = 'Who?', where = pool) =>
    where.render({ template, messages: [user(content)], variables: {}, now: NOW.getTime() });
  const loop =
    '{% for a in range(999) %}{% for b in range(999) %}{% for c in range(999) %}{% for d in range(999) %}{% endfor %}{% endfor %}{% endfor %}{% endfor %}';

  it('a template that loops, takes all memory, is nested or large is refused, and others go on', async () => {
    const slow = assert.rejects(ask(loop, 'Who?', hasty), /takes longer than 3 s/);
    assert.equal(await ask(EACH, 'Who?', hasty), '<user>Who?', 'beside one that is stuck');
    await slow;
    const full =
      '{% set ns = namespace(l=[1]) %}{% for i in range(60) %}{% set ns.l = ns.l + ns.l %}{% endfor %}{{ messages[0].content }}';
    await assert.rejects(ask(full), /memory|nested too deeply or too large|longer than/);
    assert.equal(await ask(EACH), '<user>Who?');
    const text =
      '{% set ns = namespace(s="xxxxxxxx") %}{% for i in range(40) %}{% set ns.s = ns.s + ns.s %}{% endfor %}{{ ns.s }}';
    await assert.rejects(ask(text), /too large|characters|memory|longer than/);
    await assert.rejects(
      ask(`${'{% if true %}'.repeat(8_000)}${EACH}`),
      /too deeply|longer than|Expected|memory/,
    );
    await assert.rejects(
      ask(`${'('.repeat(8_000)}`.replace(/^/, '{{ ')),
      /too deeply|longer than|Expected|Unexpected|memory/,
    );
    await assert.rejects(ask(`{# ${'x'.repeat(1 << 20)} #}${EACH}`), /it has 1\d{6} characters/);
    await assert.rejects(
      ask(`{% for i in range(3000) %}{{ messages[0].content }}${'-'.repeat(600)}{% endfor %}`),
      /a prompt of \d+ characters out of 4/,
    );
    assert.equal(await ask(EACH, 'x'.repeat(300_000)), `<user>${'x'.repeat(300_000)}`);
  });

  it('random templates give a text or one line, never a hang', async () => {
    const pieces = [
      '{% for m in messages %}',
      '{% endfor %}',
      '{{ m.content }}',
      '{% if',
      ' true %}',
      '{% endif %}',
      '{{',
      '}}',
      '|trim',
      '|',
      '(',
      ')',
      '[0]',
      '"',
      'messages',
      '.content',
      '{#',
      '#}',
      '-%}',
      '{%-',
      ' set x = ',
      '%}',
      '{% macro f() %}',
      '{% endmacro %}',
      '~',
      '**',
      '9',
    ];
    let state = 7;
    const next = (below: number) => {
      state = (state * 1103515245 + 12345) % 2147483648;
      return state % below;
    };
    const results = await Promise.allSettled(
      Array.from({ length: 300 }, () =>
        ask(Array.from({ length: next(24) }, () => pieces[next(pieces.length)]).join('')),
      ),
    );
    for (const result of results) {
      if (result.status === 'rejected')
        assert.ok(result.reason instanceof Error && result.reason.message !== '');
    }
  });

  it('a user gets one line, and an idle process does not keep the program running', async () => {
    const model = { name: 'tiny', addBos: false } as ModelInfo;
    await expectUserError(
      () =>
        chatRenderer(
          { ...model, chatTemplate: '{{ raise_exception("a\u001b[2J\nb") }}' },
          'use another',
        )([user('Who?')]),
      /^The chat template of tiny cannot be rendered \(a\?\[2J\): use another$/,
    );
    const dated = {
      ...model,
      chatTemplate: `{{ strftime_now("%d %B %Y") }}${EACH}`,
      promptDate: '2025-10-03',
    };
    assert.equal(await chatRenderer(dated, 'x')([user('Who?')]), '03 October 2025<user>Who?');
    assert.equal(asksForDate(dated, 'chat'), true);
    assert.equal(asksForDate(dated, 'few-shot'), false);
    const prompt = fileURLToPath(new URL('../../src/engine/text/prompt.js', import.meta.url));
    const code = `const { chatRenderer } = await import(${JSON.stringify(prompt)});
      console.log(await chatRenderer({ name: 't', chatTemplate: '{{ messages[0].content }}' }, '')([{ role: 'user', content: 'Who?' }]));`;
    const { stdout, status } = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
      encoding: 'utf8',
      timeout: 60_000,
    });
    assert.equal(status, 0);
    assert.equal(stdout, 'Who?\n');
  });
});
