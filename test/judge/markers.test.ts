import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readMarkers } from '../../src/judge/markers.js';
import { judgeResponse } from '../../src/judge/rule.js';
import { ruleJudge } from '../../src/judge/rule-judge.js';
import { parseJudgeSpec } from '../../src/judge/spec.js';
import { UNCERTAINTY_MARKERS } from '../../src/judge/uncertainty.js';
import { expectUserError } from '../support/expect-user-error.js';
import { temporaryFolder } from '../support/temporary.js';

const root = temporaryFolder();
const file = (name: string, text: string) => {
  const path = join(root, name);
  writeFileSync(path, text);
  return path;
};

test('a file of markers replaces the built-in ones, with + it adds to them', async () => {
  const path = file('de.txt', '\ufeff# German\r\nweiß nicht\r\n\r\nkeine Ahnung\r\n');
  assert.deepEqual(await readMarkers(path), ['weiß nicht', 'keine Ahnung']);
  assert.deepEqual(await readMarkers(`+${path}`), [...UNCERTAINTY_MARKERS, 'weiß nicht', 'keine Ahnung']);
  assert.deepEqual(await readMarkers('none'), []);
  assert.equal(await readMarkers(undefined), UNCERTAINTY_MARKERS);
  const markers = await readMarkers(path);
  assert.equal(judgeResponse('Das weiss nicht einmal ich', ['Lima'], { markers }), 'uncertain');
  assert.equal(judgeResponse("I don't know", ['Lima'], { markers }), 'wrong');
});

test('a marker with a stroke must stand as it is written', () => {
  const markers = ['k.A./n.z.'];
  assert.equal(judgeResponse('K.A./n.z.', ['Lima'], { markers }), 'uncertain');
  assert.equal(judgeResponse('k A, n z', ['Lima'], { markers }), 'wrong');
});

test('a file of markers that cannot be used is named', async () => {
  await expectUserError(() => readMarkers(join(root, 'none.txt')), /none\.txt/);
  await expectUserError(
    () => readMarkers(file('empty.txt', '\n# nothing\n')),
    /empty\.txt/,
    /--markers none/,
  );
  await expectUserError(() => readMarkers(file('dots.txt', 'not sure\n...\n')), /dots\.txt, line 2/);
});

test('the rule as a judge answers at once, and names itself', async () => {
  const items = [{ question: 'How many?', aliases: ['4'], response: '40' }];
  assert.deepEqual(await ruleJudge().judge(items), [{ verdict: 'wrong', judge: 'rule' }]);
  const substring = ruleJudge({ rule: 'substring' });
  assert.deepEqual(await substring.judge(items), [{ verdict: 'correct', judge: 'rule:substring' }]);
  assert.equal(substring.immediate!(items[0])('40'), 'correct');
  assert.equal(ruleJudge({ markers: ['forty'] }).immediate!(items[0])('forty'), 'uncertain');
});

test('judges by name', async () => {
  assert.deepEqual(parseJudgeSpec('rule'), { kind: 'rule', rule: 'words' });
  assert.deepEqual(parseJudgeSpec('rule:substring'), { kind: 'rule', rule: 'substring' });
  assert.deepEqual(parseJudgeSpec('endpoint:qwen3:8b'), { kind: 'endpoint', model: 'qwen3:8b' });
  assert.deepEqual(parseJudgeSpec('local:hf:a/b:Q8_0'), { kind: 'local', model: 'hf:a/b:Q8_0' });
  for (const wrong of ['gpt-4', 'endpoint:', 'rule:words2', '']) {
    await expectUserError(() => parseJudgeSpec(wrong), /--judge/, /endpoint:MODEL/);
  }
  await expectUserError(() => parseJudgeSpec('rule:substring', '--spans'), /--spans/);
});
