import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { loadNpy, writeNpy } from '../../src/formats/npy.js';
import { fakeQuestions } from '../support/fake-engine.js';
import { runCli } from '../support/run-cli.js';
import { temporaryFolder } from '../support/temporary.js';
import { writeTinyModel } from '../support/tiny-models.js';

/** A run, its export, and the run that comes of importing that: equal in all that the formats carry. */
const root = temporaryFolder();
const model = join(root, 'tiny.gguf');
const run = join(root, 'run');
const out = join(root, 'export');
const at = (name: string) => join(out, name);

interface Line {
  id: string;
  split: string;
  class: string;
  samples: { text: string; verdict: string }[];
  mean_log_probability: number;
  question_start: number | null;
  question_end: number | null;
}

interface Tagged {
  response: string;
  tokenized_response: string[];
  answer_tokens: string[];
  judge: string;
}

function lines(path: string): Line[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

async function succeed(...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await runCli(...args);
  assert.equal(status, 0, stderr);
  return stdout;
}

async function refused(args: string[], code: 1 | 2, ...patterns: RegExp[]): Promise<void> {
  const { status, stderr } = await runCli(...args, '--quiet');
  assert.equal(status, code, stderr);
  assert.match(stderr, /^hneurons: [^\n]+\n$/);
  for (const pattern of patterns) assert.match(stderr, pattern);
}

/** The published files of both halves, as arguments of import. */
function published(...names: string[]): string[] {
  const of = (split: string) => names.map((name) => at(`${split}_${name}`));
  return [...of('train'), '--test', ...of('test')];
}

function importInto(folder: string, ...args: string[]): string[] {
  return ['import', ...args, '--model', model, '--out', join(root, folder), '--quiet'];
}

before(async () => {
  await writeTinyModel(model, { architecture: 'llama', layers: 2, hidden: 32, ffn: 32 });
  const questions = join(root, 'questions.jsonl');
  writeFileSync(
    questions,
    fakeQuestions(90, ['all'])
      .map((one) => `${JSON.stringify(one)}\n`)
      .join(''),
  );
  const settings = ['--quota', '20', '--controls', '2', '--C', '1,10', '--folds', '2', '--quiet'];
  await succeed('find', '--model', model, '--questions', questions, '--out', run, ...settings);
  await succeed('export', '--run', run, '--out', out, '--quiet');
});

test('cases, features and detector come back as they were', async () => {
  const files = published('samples.jsonl', 'answer_tokens.jsonl', 'qids.json');
  await succeed(...importInto('whole', ...files, at('activations')));
  // The scripts' files hold neither the model's log-probability, which is read anew, nor the place of the question, which
  // no activation file could be for.
  const known = ({ mean_log_probability: _, question_start: __, question_end: ___, ...rest }: Line) => rest;
  const cases = lines(join(root, 'whole', 'cases.jsonl'));
  const wanted = lines(join(run, 'cases.jsonl'));
  // The files of the two halves follow one another; within each the order is that of the run.
  const ordered = ['train', 'test'].flatMap((split) => wanted.filter((one) => one.split === split));
  assert.deepEqual(cases.map(known), ordered.map(known));
  assert.ok(cases.every((one) => one.mean_log_probability < 0 && one.question_start === null));
  for (const name of ['train', 'evaluate', 'report']) {
    await succeed(
      name,
      '--out',
      join(root, 'whole'),
      '--quiet',
      ...(name === 'train' ? ['--C', '1,10', '--folds', '2'] : []),
    );
  }
  const [again, first] = ['whole', 'run'].map((name) =>
    JSON.parse(readFileSync(join(root, name, 'detector.json'), 'utf8')),
  );
  for (const key of ['neurons', 'intercept', 'C', 'calibration', 'training'])
    assert.deepEqual(again[key], first[key], key);
  assert.deepEqual(again.test.auroc, first.test.auroc);
});

test('without activations the model reads the cases as before', async () => {
  await succeed(...importInto('read', ...published('samples.jsonl', 'answer_tokens.jsonl', 'qids.json')));
  await succeed('extract', '--out', join(root, 'read'), '--quiet');
  const [first, again] = ['run', 'read'].map((name) => {
    const cases = lines(join(root, name, 'cases.jsonl'));
    const bytes = readFileSync(join(root, name, 'features.safetensors'));
    const row = bytes.subarray(8 + Number(bytes.readBigUInt64LE())).subarray(0, cases.length * 64 * 4);
    return new Map(cases.map(({ id }, i) => [id, row.subarray(i * 256, (i + 1) * 256).toString('hex')]));
  });
  assert.deepEqual(new Map([...again].sort()), new Map([...first].sort()));
});

test('samples alone: all responses with their verdicts and classes, but for the questions given up', async () => {
  await succeed(...importInto('samples', ...published('samples.jsonl')));
  const before = lines(join(run, 'responses.jsonl')).filter((one) => one.class !== 'full');
  const after = new Map(lines(join(root, 'samples', 'responses.jsonl')).map((one) => [one.id, one]));
  assert.ok(before.length > 100);
  assert.equal(after.size, before.length);
  for (const one of before) {
    const same = after.get(one.id)!;
    assert.deepEqual([same.split, same.class], [one.split, one.class], one.id);
    const told = ({ text, verdict }: { text: string; verdict: string }) => ({ text, verdict });
    assert.deepEqual(same.samples.map(told), one.samples.map(told));
  }
});

test('what is imported is exported as the same files', async () => {
  const files = published('samples.jsonl', 'answer_tokens.jsonl', 'qids.json');
  await succeed(...importInto('there', ...files, at('activations')));
  const back = join(root, 'back');
  await succeed('export', '--run', join(root, 'there'), '--out', back, '--quiet');
  const ids = new Set(lines(join(run, 'cases.jsonl')).map((one) => encodeURIComponent(one.id)));
  for (const split of ['train', 'test']) {
    for (const name of [`${split}_answer_tokens.jsonl`, `${split}_qids.json`]) {
      assert.equal(readFileSync(join(back, name), 'utf8'), readFileSync(at(name), 'utf8'), name);
    }
    const name = `${split}_samples.jsonl`;
    const wanted = readFileSync(at(name), 'utf8')
      .split('\n')
      .filter((line) => line !== '' && ids.has(Object.keys(JSON.parse(line))[0]));
    assert.deepEqual(readFileSync(join(back, name), 'utf8').trim().split('\n'), wanted);
  }
  for (const id of ids) {
    for (const place of ['answer_tokens', 'all_except_answer_tokens']) {
      const [a, b] = [out, back].map((folder) =>
        readFileSync(join(folder, 'activations', place, `act_${id}.npy`)),
      );
      assert.ok(a.equals(b), id);
    }
  }
});

test('the exported files are what the scripts read', async () => {
  const { t, f } = JSON.parse(readFileSync(at('train_qids.json'), 'utf8'));
  assert.equal(t.length, f.length);
  const { shape, dtype } = await loadNpy(at(`activations/answer_tokens/act_${t[0]}.npy`));
  assert.deepEqual([shape, dtype], [[2, 32], 'f4']);
  for (const line of readFileSync(at('train_answer_tokens.jsonl'), 'utf8').trim().split('\n')) {
    const [[qid, one]] = Object.entries<Tagged>(JSON.parse(line));
    assert.equal(one.tokenized_response.join('').trim(), one.response);
    assert.ok(one.tokenized_response.join('').includes(one.answer_tokens.join('')));
    assert.equal(one.judge, t.includes(qid) ? 'true' : 'false');
    assert.ok(one.response.startsWith(one.judge === 'true' ? 'right' : 'wrong'));
  }
  const coef = await loadNpy(at('classifier/coef.npy'));
  assert.deepEqual([coef.shape, coef.dtype], [[1, 64], 'f8']);
});

test('a classifier becomes a detector with the same weights, and goes on to score', async () => {
  const path = join(root, 'imported.json');
  await succeed('import', at('classifier'), '--model', model, '--out', path, '--quiet');
  const [imported, first] = [path, join(run, 'detector.json')].map((file) =>
    JSON.parse(readFileSync(file, 'utf8')),
  );
  assert.deepEqual(imported.neurons, first.neurons);
  assert.equal(imported.intercept, first.intercept);
  const pair = ['--question', 'Which?', '--answer', 'wrong 3', '--json', '--quiet'];
  const scores = await Promise.all(
    [path, join(run, 'detector.json')].map(async (detector) => {
      const said = await succeed('score', '--detector', detector, '--model', model, ...pair);
      return JSON.parse(said).results[0];
    }),
  );
  assert.equal(scores[0].score, scores[1].score);
  // As predict_proba of scikit-learn does it.
  assert.ok(Math.abs(scores[0].probability - 1 / (1 + Math.exp(-scores[0].score))) < 1e-12);
});

test('judged responses to the report in one command', async () => {
  const path = join(root, 'judged.csv');
  const rows = Array.from({ length: 120 }, (_, i) => {
    const right = i % 2 === 0;
    return `What is number ${i}?,${right ? `right first ${i}` : `wrong ${i}`},${right ? 'correct' : 'hallucinated'}`;
  });
  writeFileSync(path, ['question,response,label', ...rows, 'Who?,I would say so,perhaps'].join('\n'));
  const { status, stderr } = await runCli(...importInto('judged', path, '--find'));
  assert.equal(status, 0, stderr);
  assert.match(
    stderr,
    /^1 left out, each listed in .*import-skipped\.jsonl: 1 x the label "perhaps" is not known\n/,
  );
  const report = JSON.parse(readFileSync(join(root, 'judged', 'report.json'), 'utf8'));
  assert.ok(report.test.auroc.estimate > 0.9, `${report.test.auroc.estimate}`);
  const cases = lines(join(root, 'judged', 'cases.jsonl')) as unknown as { answer: string }[];
  assert.ok(cases.length > 80);
  assert.match(cases[0].answer, /^(right first|wrong) \d+$/);
});

test('a detector is measured on judged responses', async () => {
  const path = join(root, 'measured.jsonl');
  const rows = Array.from({ length: 40 }, (_, i) => {
    const right = i % 2 === 0;
    return {
      question: `What is ${i}?`,
      response: right ? `right all ${i}` : `wrong ${i}`,
      label: right ? 1 : 0,
    };
  });
  const more = [{ question: 'Who?', response: 'wrong 1', label: 0, answer: 'right' }];
  writeFileSync(path, [...rows, ...more].map((one) => JSON.stringify(one)).join('\n'));
  const args = ['score', '--detector', join(run, 'detector.json'), '--model', model, '--judged', path];
  await refused(args, 2, /--label-1/);
  const measure = async (meaning: string) =>
    JSON.parse(await succeed(...args, '--label-1', meaning, '--json', '--quiet'));
  const { figures, skipped, results } = await measure('correct');
  assert.deepEqual([figures.faithful, figures.hallucinated, results.length], [20, 20, 40]);
  assert.match(skipped[0].reason, /"right" does not stand in the response/);
  assert.ok(figures.auroc.estimate > 0.9 && figures.auroc.low < figures.auroc.high);
  const turned = (await measure('hallucinated')).figures.auroc.estimate;
  assert.ok(Math.abs(figures.auroc.estimate + turned - 1) < 1e-12, 'the other meaning turns it round');
  assert.match(
    await succeed(...args, '--label-1', 'correct', '--quiet'),
    /^40 responses, 20 .*\nAUROC 0\.9|1\.0/,
  );
  await refused([...args, '--file', path], 2, /either/);
});

test('given again, an import is there already; other files are another import', async () => {
  const path = join(root, 'again.jsonl');
  const write = (count: number) =>
    writeFileSync(
      path,
      Array.from({ length: count }, (_, i) =>
        JSON.stringify({
          question: `Q${i}?`,
          response: i % 2 ? 'wrong 1' : 'right first 1',
          label: i % 2 === 0,
        }),
      ).join('\n'),
    );
  const args = importInto('again', path).filter((arg) => arg !== '--quiet');
  write(60);
  await succeed(...args);
  const { stderr } = await runCli(...args);
  assert.match(stderr, /collect: already there/);
  write(80);
  await refused(args, 1, /other questions/);
  await succeed(...args, '--force');
});

test('--rejudge takes the rule in place of the verdicts of the file', async () => {
  const path = join(root, 'lies.jsonl');
  const item = (i: number) => ({
    question: `Q${i}?`,
    responses: [i % 2 ? 'wrong' : `right ${i}`],
    judges: [i % 2 ? 'true' : 'false'],
    ground_truth: [`right ${i}`],
  });
  writeFileSync(
    path,
    Array.from({ length: 40 }, (_, i) => JSON.stringify({ [`q${i}`]: item(i) })).join('\n'),
  );
  await succeed(...importInto('given', path));
  await succeed(...importInto('rejudged', path, '--rejudge'));
  const sample = (folder: string) =>
    lines(join(root, folder, 'responses.jsonl')).find(({ id }) => id === 'q0')!.samples[0];
  assert.equal(sample('given').verdict, 'wrong');
  assert.equal(sample('rejudged').verdict, 'correct');
});

test('responses that a limit cut off are counted, those that a server broke off are left out, lost scripts are named', async () => {
  const reasons = ['stop', 'max_tokens', 'content_filter', ''];
  const judged = join(root, 'ends.jsonl');
  const row = (i: number) => ({
    ...{
      id: `q${i}`,
      question: `Q${i}?`,
      response: i % 2 ? 'wrong' : 'right',
      label: i % 2 ? 'wrong' : 'correct',
    },
    ...{ Finish_Reason: reasons[(i >> 1) % 4] },
  });
  writeFileSync(judged, Array.from({ length: 80 }, (_, i) => JSON.stringify(row(i))).join('\n'));
  // The last argument is --quiet.
  const { stderr } = await runCli(...importInto('ends', judged).slice(0, -1));
  assert.match(stderr, /20 of 60 responses were cut off at a token limit, and 10 of these count as made up/);
  assert.match(stderr, /20 left out, .*20 x its response was broken off \(finish_reason "content_filter"\)/);
  const responses = readFileSync(join(root, 'ends', 'responses.jsonl'), 'utf8');
  assert.equal(responses.match(/"finish":"length"/g)?.length, 20);

  const tokens = join(root, 'scripts.jsonl');
  const item = (i: number) => {
    const fine = { response: 'X', tokens: ['X'], answer_tokens: ['X'] };
    const split = { response: '東京', tokens: ['東', '\ufffd', '\ufffd'], answer_tokens: ['\ufffd'] };
    return { id: `q${i}`, question: `Q${i}?`, judge: i % 2 ? 'true' : 'false', ...(i < 3 ? split : fine) };
  };
  writeFileSync(tokens, Array.from({ length: 60 }, (_, i) => JSON.stringify(item(i))).join('\n'));
  const lost = await runCli(...importInto('scripts', tokens).slice(0, -1));
  assert.match(
    lost.stderr,
    /3 responses left out as .* \(by script: 3 Han\): those that are left are a selection/,
  );
  assert.match(lost.stderr, /3 x the tokens hold U\+FFFD/);
});

test('files that do not go together are refused, and what is left out is listed', async () => {
  await refused(
    importInto('x', ...published('answer_tokens.jsonl'), '--format', 'samples'),
    1,
    /nothing to import/,
    /"responses" is missing/,
  );
  const unjudged = join(root, 'unjudged.jsonl');
  const item = { question: 'Q', response: 'X', tokens: ['X'], answer_tokens: ['X'] };
  writeFileSync(
    unjudged,
    [
      { ...item, id: 'a' },
      { ...item, id: 'a' },
      { ...item, id: 'b', tokens: ['Y'] },
    ]
      .map((one) => JSON.stringify(one))
      .join('\n'),
  );
  await refused(
    importInto('x', unjudged),
    1,
    /1 x nothing says whether its answer is true/,
    /1 x its id is already used in line 1/,
    /1 x the tokens do not spell the response/,
    /name the file of ids/,
  );
  await refused(['import', at('classifier'), '--model', model], 2, /--out FILE\.json/);
  await refused(['import', join(root, 'none.jsonl')], 1, /none\.jsonl/);
  const other = join(root, 'other.gguf');
  await writeTinyModel(other, { architecture: 'llama', layers: 3, hidden: 32, ffn: 32 });
  const files = published('answer_tokens.jsonl', 'qids.json');
  await refused(
    ['import', ...files, at('activations'), '--model', other, '--out', join(root, 'y')],
    1,
    /of another model: its shape is \(2, 32\)/,
  );
  await refused(
    ['import', at('classifier'), '--model', other, '--out', join(root, 'd.json')],
    1,
    /64 weights/,
    /96 neurons/,
  );
  await refused(['export', '--run', run, '--out', root], 1, /holds other files/);
  await refused(['export', '--run', run, '--out', out, '--format', 'samples,tokens'], 2, /--format/);
  await refused(['export', '--run', join(root, 'nowhere'), '--out', out], 1, /no run/);
  await refused(
    ['export', '--run', join(root, 'samples'), '--out', join(root, 'e'), '--format', 'activations'],
    1,
    /hneurons extract/,
  );
});

test('a question without activations is left out, and infinite values are refused', async () => {
  const acts = join(root, 'acts');
  const ids: string[] = JSON.parse(readFileSync(at('train_qids.json'), 'utf8')).t;
  const all = [...lines(at('train_answer_tokens.jsonl')), ...lines(at('test_answer_tokens.jsonl'))].map(
    (line) => Object.keys(line)[0],
  );
  const data = new Float32Array(64).fill(0.5);
  for (const place of ['answer_tokens', 'all_except_answer_tokens']) {
    for (const id of all) {
      if (id !== ids[0]) await writeNpy(join(acts, place, `act_${id}.npy`), { shape: [2, 32], data });
    }
  }
  const files = published('answer_tokens.jsonl', 'qids.json');
  await succeed(...importInto('without', ...files, acts));
  const skipped = readFileSync(join(root, 'without', 'import-skipped.jsonl'), 'utf8');
  assert.match(skipped, /it has no activations/);
  // Its partner goes with it: the classes stay matched.
  assert.equal(lines(join(root, 'without', 'cases.jsonl')).length, all.length - 2);
  data[7] = Number.POSITIVE_INFINITY;
  await writeNpy(join(acts, 'answer_tokens', `act_${ids[1]}.npy`), { shape: [2, 32], data });
  const { status, stderr } = await runCli(...importInto('infinite', ...files, acts));
  assert.equal(status, 1);
  assert.match(stderr, /\nhneurons: .*infinite or undefined values\n$/);
});
