import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  finalAnswer,
  opensThought,
  parseResponse,
  rangeInResponse,
  withOpeningMark,
} from '../../src/engine/text/thought.js';

/** Response, and the answer behind its thoughts; undefined: it ends inside one. */
const RESPONSES: [response: string, answer: string | undefined][] = [
  ['Lima', 'Lima'],
  ['a < b, [c], <b>d</b>', 'a < b, [c], <b>d</b>'],
  ['analysis of the question', 'analysis of the question'],
  ['I had a thought', 'I had a thought'],
  // Closed thoughts.
  ['<think>Lima or Cusco?</think>Cusco', 'Cusco'],
  ['<think></think>\n\nLima', '\n\nLima'],
  ['<THINK time="3">a</Think>Lima', 'Lima'],
  ['<thinking>a</thinking>Lima', 'Lima'],
  ['<thought>a</thought>Lima', 'Lima'],
  ['<reasoning>a</reasoning>Lima', 'Lima'],
  ['<seed:think>a</seed:think>Lima', 'Lima'],
  ['<reflection>a</reflection>Lima', 'Lima'],
  ['[THINK]a[/THINK]Lima', 'Lima'],
  ['◁think▷a◁/think▷Lima', 'Lima'],
  ['<|begin_of_thought|>a<|end_of_thought|>Lima', 'Lima'],
  ['<|START_THINKING|>a<|END_THINKING|>Lima', 'Lima'],
  ['<unused94>thought\na<unused95>Lima', 'Lima'],
  ['<|channel>thought\na<channel|>Lima', 'Lima'],
  ['<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>Lima', 'Lima'],
  ['<|channel|>final<|message|>Lima', 'Lima'],
  ['analysisWe need the capital.assistantfinalLima', 'Lima'],
  ['Here is my thought process: a. Here is my response: Lima', ' Lima'],
  // Opened by the prompt: only the closing mark is there.
  ['so Lima or Cusco</think>Cusco', 'Cusco'],
  ['so Lima or Cusco[/THINK]Cusco', 'Cusco'],
  // Nested, repeated, mentioned.
  ['<think>a<think>b</think>c</think>Lima', 'Lima'],
  ['<thinking>a<reflection>b</reflection>c</thinking>Lima', 'Lima'],
  ['<think>I may use <think> here</think>Lima', 'Lima'],
  ['<think>a</think>Lima<think>b</think>Peru', 'Lima Peru'],
  ['Lima<think>am I sure?</think>', 'Lima'],
  ['<think>a</think>b</think>Lima', 'Lima'],
  [
    '<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>commentary<|message|>b<|end|><|start|>assistant<|channel|>final<|message|>Lima',
    'Lima',
  ],
  // Never closed.
  ['<think>\nOkay, Lima', undefined],
  ['<think', undefined],
  ['[THINK]Lima', undefined],
  ['Lima <think>or', undefined],
  ['<thinking>a<reflection>b</reflection>c', undefined],
  ['<|channel|>analysis<|message|>Lima', undefined],
  ['analysisWe need Lima', undefined],
  ['Here is my thought process: Lima', undefined],
];

describe('thoughts', () => {
  it('the answer is what stands outside of them; a response that ends inside one has none', () => {
    for (const [response, answer] of RESPONSES) assert.equal(finalAnswer(response), answer, response);
  });

  it('a prompt that opens a thought: the response begins inside it', () => {
    for (const prompt of [
      '<|assistant|>\n<think>\n',
      'x[THINK]',
      '<|start|>assistant<|channel|>analysis<|message|>',
    ])
      assert.equal(opensThought(prompt), true, prompt);
    for (const prompt of ['<|assistant|>\n', '<think>\n\n</think>\n\n', 'What does <think> mean?'])
      assert.equal(opensThought(prompt), false, prompt);
    assert.equal(finalAnswer('Lima', true), undefined);
    assert.equal(finalAnswer('Lima?</think>Cusco', true), 'Cusco');
    assert.equal(finalAnswer('a<reflection>b</reflection>c', true), undefined);
    assert.equal(finalAnswer(withOpeningMark('<think>\n', 'Lima')), undefined);
    assert.equal(finalAnswer(withOpeningMark('A:', 'Lima')), 'Lima');
  });

  it('a place in the answer is a place in the response', () => {
    for (const [response] of RESPONSES) {
      const parsed = parseResponse(response);
      [...parsed.answer].forEach((character, i) => {
        if (character !== ' ') assert.equal(response[parsed.offset(i)], character, response);
      });
    }
    const response = '<think>Lima</think>Lima <think>no</think>Cusco';
    const parsed = parseResponse(response);
    assert.deepEqual(rangeInResponse(parsed, { start: 0, end: 4 }), { start: 19, end: 23 });
    // A part over a thought ends before it.
    assert.deepEqual(rangeInResponse(parsed, { start: 0, end: 10 }), { start: 19, end: 24 });
    assert.equal(response.slice(19, 24), 'Lima ');
  });

  it('a long or hostile response takes time that grows with its length', () => {
    const began = process.cpuUsage();
    for (const part of [
      '<think>',
      '</think>',
      '<think ',
      '< / ',
      '[/THINK]x',
      '<|channel|> final ',
      'here is my ',
    ])
      parseResponse(part.repeat(20_000));
    assert.ok(process.cpuUsage(began).user < 5e6);
  });
});
