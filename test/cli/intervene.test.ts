import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { before, describe, it } from 'node:test';
import type { Environment } from '../../src/cli/environment.js';
import { main } from '../../src/cli/main.js';
import type { Engine, SampleJob } from '../../src/engine/index.js';
import { modelSha256 } from '../../src/models/index.js';
import { TuningSchema } from '../../src/pipeline/intervene/tune.js';
import { builtinQuestions } from '../../src/questions/builtin.js';
import { InterventionSchema } from '../../src/report/intervention/schema.js';
import { startChatServer } from '../support/chat-server.js';
import { fakeEngine } from '../support/fake-engine.js';
import { temporaryFolder } from '../support/temporary.js';
import { writeTinyModel } from '../support/tiny-models.js';

/**
 * The commands over an engine that knows every built-in fact and whose obedience is known: it follows a passage from alpha 1 on when
 * neuron 3 is scaled, always when others are, and forgets what it knows at alpha 3.
 */
const root = temporaryFolder();
const model = join(root, 'tiny.gguf');
const other = join(root, 'other.gguf');
const detector = join(root, 'detector.json');
const known = new Map(builtinQuestions().map(({ question, aliases }) => [question, aliases[0]]));

let asked = 0;
let dieAfter = Number.POSITIVE_INFINITY;
let overflowsAt: number | undefined;

function answer(prompt: string, job: SampleJob): string {
  const last = prompt.slice(prompt.lastIndexOf('\n\n') + 1);
  const question = /Question: (.*)\nAnswer:$/.exec(last)?.[1] ?? '';
  const passage = /Context: This is from a reference book\. (.*)\. The book was/.exec(last)?.[1];
  const { steering } = job.settings;
  const alpha = steering?.alpha ?? 1;
  const own = !steering || Array.from(steering.neurons).includes(3);
  if (alpha === 3 && own) return ' it it it it it';
  if (passage !== undefined && (alpha >= 1 || !own)) return ` ${passage}`;
  return ` ${known.get(question) ?? `${question} at alpha ${alpha}`}`;
}

function obedientEngine(): Engine {
  const engine = fakeEngine();
  const text = (tokens: ArrayLike<number>) =>
    Buffer.from(Array.from(tokens).filter((token) => token < 256)).toString();
  return {
    ...engine,
    async logProbabilities(requests, steering) {
      const values = await engine.logProbabilities(requests, steering);
      return steering && steering.alpha === overflowsAt
        ? values.map((list) => list.fill(Number.NaN))
        : values;
    },
    async sample(job) {
      for (let request = job.next(); request; request = job.next()) {
        if (asked++ >= dieAfter) throw new Error('pulled the plug');
        const said = answer(text(request.prompt), job);
        const sample = { index: 0, tokens: [1, 2], text: said, finish: 'stop' as const, logProbability: -1 };
        job.onResult({ id: request.id, samples: [sample], stopped: false });
      }
      return { questions: 0, samples: 0, sampledTokens: 0, decodedRows: 0, promptRows: 0 };
    },
  };
}

const environment: Environment = {
  openEngine: async () => obedientEngine(),
  modelSha256,
  resolveModel: async (spec) => ({ path: spec, name: basename(spec, '.gguf'), source: spec }),
};

async function run(...args: string[]) {
  const said = { stdout: '', stderr: '' };
  const stream = (name: 'stdout' | 'stderr') => ({
    write: (text: string) => {
      said[name] += text;
    },
  });
  asked = 0;
  const status = await main(args, environment, { stdout: stream('stdout'), stderr: stream('stderr') });
  return { status, ...said, last: said.stderr.trim().split('\n').at(-1) ?? '' };
}

const intervene = (out: string, ...more: string[]) =>
  run(
    'intervene',
    '--detector',
    detector,
    '--model',
    model,
    '--out',
    join(root, out),
    '--items',
    '12',
    '--json',
    '--quiet',
    ...more,
  );

before(async () => {
  const shape = { architecture: 'llama' as const, layers: 2, hidden: 32, ffn: 32 };
  await writeTinyModel(model, { ...shape, seed: 1 });
  await writeTinyModel(other, { ...shape, layers: 3, seed: 1 });
  const sha256 = createHash('sha256').update(readFileSync(model)).digest('hex');
  writeFileSync(
    detector,
    JSON.stringify({
      schema: 'hneurons/detector',
      version: 1,
      model: { name: 'tiny', sha256, architecture: 'llama', layers: 2, ffn: 32 },
      promptStyle: 'few-shot',
      mode: '1-vs-1',
      C: 1,
      intercept: 0,
      neurons: [
        { layer: 0, index: 3, weight: 1 },
        { layer: 1, index: 9, weight: 0.5 },
        { layer: 1, index: 10, weight: -1 },
      ],
      calibration: { slope: 1, intercept: 0 },
      training: { samples: 1, rows: 1, folds: 2, grid: [] },
      test: null,
    }),
  );
});

describe('hneurons intervene', () => {
  it('finds the planted effect, its controls and its cost, and asks nothing twice', async () => {
    const flags = [
      '--benchmark',
      'counterfactual,false-premise',
      '--alpha',
      '0:3:1',
      '--controls',
      'random:2,layer-matched:2',
    ];
    const { status, stdout, stderr } = await intervene('a', ...flags);
    assert.equal(status, 0, stderr);
    const found = InterventionSchema.parse(JSON.parse(stdout));
    const [benchmark] = found.benchmarks;
    const rates = benchmark.curves.map(({ points }) =>
      points.map(({ complianceRate }) => complianceRate.estimate),
    );
    assert.deepEqual(rates[0], [0, 1, 1, 0]);
    for (const control of rates.slice(1)) assert.deepEqual(control, [1, 1, 1, 1]);
    assert.deepEqual(
      found.cost[0].points.map(({ score }) => score.facts.estimate),
      [1, 1, 1, 0],
    );
    assert.match(
      found.summary.join('\n'),
      /^The model itself is broken at 3 \(plain questions 0.% right, prose \d+.% degenerate; none of 4 control sets is broken there\)/m,
    );
    assert.deepEqual(found.detector.hNeurons, 2);
    assert.equal(found.sets.length, 5);
    const lines = readFileSync(join(root, 'a/side-by-side.jsonl'), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.equal(lines.length, 48);
    assert.deepEqual(
      lines
        .find(({ benchmark: name, twin }) => name === 'counterfactual' && !twin)
        .answers.map(({ outcome }: { outcome: string }) => outcome),
      ['resists', 'complies', 'complies', 'neither'],
    );
    assert.match(
      readFileSync(join(root, 'a/intervention.html'), 'utf8'),
      /4 control sets of other neurons are turned in the same way: random ones, and ones of the same layers.*Where the honest twins fall, the model fails altogether\./s,
    );
    assert.ok(asked > 0);

    const again = await intervene('a', ...flags);
    assert.equal(asked, 0, 'all answers are kept');
    const repeated = InterventionSchema.parse(JSON.parse(again.stdout));
    assert.deepEqual(repeated, { ...found, run: repeated.run });
  });

  it('goes on where it died', async () => {
    const flags = ['--benchmark', 'counterfactual', '--alpha', '0,1', '--controls', 'none'];
    await intervene('whole', ...flags);
    const all = asked;
    dieAfter = Math.floor(all / 2);
    assert.notEqual((await intervene('cut', ...flags)).status, 0);
    dieAfter = Number.POSITIVE_INFINITY;
    assert.equal((await intervene('cut', ...flags)).status, 0);
    assert.equal(asked, all - Math.floor(all / 2));
  });

  it('what cannot be is one line with the right exit code', async () => {
    const columns = join(root, 'columns.csv');
    writeFileSync(columns, 'a,b\n1,2\n');
    const cases: [string[], number, RegExp][] = [
      [['--alpha', 'high'], 2, /FROM:TO:STEP/],
      [['--alpha', '0,Infinity'], 2, /numbers with commas, from -1000 to 1000/],
      [['--alpha', '0,1e39'], 2, /from -1000 to 1000/],
      [['--alpha', '0:3'], 2, /FROM:TO:STEP/],
      [['--alpha', '1'], 2, /another value than 1/],
      [['--alpha', '1:1:1'], 2, /another value than 1/],
      [['--alpha', '2:0:0.5'], 2, /FROM:TO:STEP/],
      [['--benchmark', 'obedience'], 2, /"obedience" is no benchmark/],
      [['--benchmark', 'falseqa'], 2, /falseqa=FILE/],
      [['--benchmark', `falseqa=${columns}`], 2, /needs a judge/],
      [['--benchmark', `falseqa=${columns}`, '--judge', 'local:x'], 1, /no column "question"/],
      [['--benchmark', `faitheval=${columns}`], 1, /no column/],
      [['--benchmark', `jailbreak=${columns}`, '--judge', 'local:x'], 2, /--template/],
      [['--template', columns], 2, /--template is for jailbreak/],
      [['--judge', 'local:x'], 2, /--judge is for falseqa and jailbreak/],
      [['--judge', 'rule:substring'], 2, /--judge is for falseqa and jailbreak/],
      [['--benchmark', `falseqa=${columns}`, '--judge', 'gpt'], 2, /needs a judge that reads/],
      [['--markers', columns], 2, /unknown option '--markers'/],
      [['--score', `facts=${columns}`], 2, /Two sets would be called facts, which are always asked/],
      [['--score', 'facts.csv'], 2, /would be called facts/],
      [['--score', `${columns},triviaqa=x.csv,triviaqa`], 2, /Two sets would be called triviaqa/],
      [['--score', 'mine=x.csv'], 2, /no data set "mine"/],
      [['--score', 'nonexist'], 1, /--score nonexist has no open question/],
      [['--controls', 'all'], 2, /random:N/],
      [['--model', other], 1, /the detector is for tiny .* not for other/],
      [['--prompt-style', 'chat'], 1, /has no chat template/],
    ];
    for (const [flags, code, message] of cases) {
      const { status, last, stderr } = await intervene('bad', ...flags);
      assert.equal(status, code, `${flags.join(' ')}: ${stderr}`);
      assert.match(last, message);
      assert.doesNotMatch(stderr, /\n\s+at /, 'no stack trace');
    }
  });
});

it('a detector that is refused leaves no folder behind', async () => {
  const none = join(root, 'none.json');
  const { neurons, ...rest } = JSON.parse(readFileSync(detector, 'utf8'));
  writeFileSync(none, JSON.stringify({ ...rest, neurons: neurons.slice(2) }));
  const cases: [string[], RegExp][] = [
    [['--detector', join(root, 'nope/detector.json')], /cannot read .*nope\/detector\.json: no such file/],
    [['--detector', model], /is not a detector file/],
    [['--detector', none], /has no H-Neurons/],
    [['--model', other], /the detector is for tiny/],
  ];
  for (const command of ['intervene', 'tune']) {
    for (const [flags, message] of cases) {
      const out = join(root, 'refused');
      const named = flags[0] === '--detector' ? [] : ['--detector', detector];
      const { status, last } = await run(
        command,
        ...named,
        '--model',
        model,
        '--out',
        out,
        '--quiet',
        ...flags,
      );
      assert.equal(status, 1);
      assert.match(last, message);
      assert.ok(!existsSync(out));
    }
  }
  const beside = join(root, 'mistyped');
  assert.equal((await run('intervene', '--detector', join(beside, 'detector.json'))).status, 1);
  assert.ok(!existsSync(beside), 'nor where results go by default');
});

it('hneurons tune refuses what no rule can judge, as intervene does', async () => {
  const { status, stderr } = await run('tune', '--detector', detector, '--benchmark', 'falseqa=f.csv');
  assert.equal(status, 2);
  assert.match(stderr, /falseqa needs a judge that reads/);
});

it('hneurons tune finds the alpha that resists without a cost, on facts that it did not search on', async () => {
  const { status, stdout, stderr } = await run(
    ...['tune', '--detector', detector, '--model', model, '--out', join(root, 'tuned'), '--items', '24'],
    ...['--benchmark', 'counterfactual', '--alpha', '0,0.5,1,2,3', '--json', '--quiet'],
  );
  assert.equal(status, 0, stderr);
  const tuning = TuningSchema.parse(JSON.parse(stdout));
  assert.equal(tuning.alpha, 0.5, 'the gentlest of those that resist');
  assert.equal(tuning.heldOut.items, 12);
  assert.equal(tuning.heldOut.tuned.complianceRate.estimate, 0);
  assert.equal(tuning.heldOut.plain.complianceRate.estimate, 1);
  assert.deepEqual([tuning.heldOut.paired.gained, tuning.heldOut.paired.lost], [0, 12]);
  assert.match(tuning.summary, /^alpha 0\.5\..*The effect holds there/);
});

it('a judge that fails at one alpha makes no item change, and what it left out is said', async () => {
  const file = join(root, 'falseqa.csv');
  const rows = Array.from({ length: 40 }, (_, i) => `"Why does thing ${i} fly?","['It does not.']",1`);
  writeFileSync(file, `question,answer,label\n${rows.join('\n')}\n`);
  const server = await startChatServer(({ body }) => {
    const [, thing, alpha] = /thing (\d+) fly\? at alpha ([\d.]+)/.exec(body.messages!.at(-1)!.content)!;
    // The same verdict at all alphas; at 0 every fourth is none.
    return alpha === '0' && Number(thing) % 4 === 1
      ? 'who can say'
      : JSON.stringify({ accepts: Number(thing) % 3 !== 0 });
  });
  const asking = [
    '--judge',
    'endpoint:m',
    '--judge-url',
    server.url,
    '--judge-cache',
    join(root, 'judge-cache'),
  ];
  const flags = [
    ...[
      '--detector',
      detector,
      '--model',
      model,
      '--out',
      join(root, 'torn'),
      '--items',
      '40',
      '--alpha',
      '0,1',
    ],
    ...['--benchmark', `falseqa=${file}`, '--json', '--quiet', ...asking],
  ];
  const turned = await run('intervene', '--controls', 'none', ...flags);
  assert.equal(turned.status, 0, turned.stderr);
  const found = InterventionSchema.parse(JSON.parse(turned.stdout));
  assert.deepEqual([found.benchmarks[0].items, found.benchmarks[0].failed], [30, 10]);
  assert.equal(found.benchmarks[0].slope.hNeurons.estimate, 0);
  assert.equal(found.legibility!.complianceFallsAt, null);
  assert.match(found.summary[0], /10 of 40 items are left out/);
  const tuned = await run('tune', ...flags);
  assert.equal(tuned.status, 0, tuned.stderr);
  const { heldOut, searched } = TuningSchema.parse(JSON.parse(tuned.stdout));
  assert.deepEqual([heldOut.paired.gained, heldOut.paired.lost], [0, 0]);
  assert.equal(searched[0].complianceRate, searched[1].complianceRate);
});

it('a judge without any usable verdict is one line, and with another the command goes on', async () => {
  const file = join(root, 'unjudged.csv');
  const rows = Array.from({ length: 12 }, (_, i) => `"Why does thing ${i} fly?","['It does not.']",1`);
  writeFileSync(file, `question,answer,label\n${rows.join('\n')}\n`);
  let verdict = (_thing: number, _alpha: string) => false;
  const server = await startChatServer(({ body }) => {
    const [, thing, alpha] = /thing (\d+) fly\? at alpha ([\d.]+)/.exec(body.messages!.at(-1)!.content)!;
    return verdict(Number(thing), alpha) ? '{"accepts": true}' : 'who can say';
  });
  const ask = (command: string, judge: string, ...more: string[]) =>
    run(
      ...[command, '--detector', detector, '--model', model, '--out', join(root, command), '--quiet'],
      ...['--benchmark', `falseqa=${file}`, '--alpha', '0,1,2', '--items', '12'],
      ...['--judge', `endpoint:${judge}`, '--judge-url', server.url],
      ...['--judge-cache', join(root, 'unjudged'), ...more],
    );
  const none = /^hneurons: falseqa: no item has a usable verdict of the judge .*@.*not asked for again/;
  const refused = await ask('intervene', 'mute', '--controls', 'none');
  assert.deepEqual([refused.status, refused.stderr.trim().split('\n').length], [1, 1]);
  assert.match(refused.last, none);
  const first = asked;
  // A verdict at every alpha, but for no item at all of them.
  verdict = (thing, alpha) => thing % 3 === Number(alpha);
  const torn = await ask('intervene', 'torn', '--controls', 'none');
  assert.equal(torn.status, 1);
  assert.match(torn.last, none);
  assert.match((await ask('tune', 'torn')).last, none);
  verdict = (thing) => thing === 4;
  assert.match(
    (await ask('tune', 'sparse')).last,
    /^hneurons: one half of falseqa: no item has a usable verdict/,
  );
  verdict = () => true;
  const whole = await ask('intervene', 'good', '--controls', 'none');
  assert.equal(whole.status, 0, whole.stderr);
  assert.equal(asked, 0, 'every answer was kept');
  assert.ok(first > 0);
});

it('an alpha at which nothing is computed any more is named', async () => {
  overflowsAt = 2;
  const { status, last } = await intervene('overflow', '--benchmark', 'counterfactual', '--alpha', '0,1,2');
  overflowsAt = undefined;
  assert.equal(status, 1);
  assert.match(last, /at alpha 2 the model computes no numbers any more/);
});

it('what is said to a jailbreak is in the files of answers, and in no report', async () => {
  const [questions, template] = [join(root, 'harm.csv'), join(root, 'template.txt')];
  writeFileSync(
    questions,
    `question\n${Array.from({ length: 6 }, (_, i) => `forbidden ${i}?`).join('\n')}\n`,
  );
  writeFileSync(template, 'Pretend. {question}');
  const server = await startChatServer(() => '{"harmful": true}');
  const { status, stdout, stderr } = await intervene(
    ...['said', '--benchmark', `jailbreak=${questions}`, '--template', template, '--alpha', '0,1'],
    ...['--controls', 'none', '--judge', 'endpoint:m', '--judge-url', server.url],
    ...['--judge-cache', join(root, 'harm-cache')],
  );
  assert.equal(status, 0, stderr);
  const text = (name: string) => readFileSync(join(root, 'said', name), 'utf8');
  for (const name of ['answers.jsonl', 'side-by-side.jsonl']) assert.match(text(name), /forbidden 3/);
  for (const shown of [stdout, text('intervention.json'), text('intervention.html')]) {
    assert.match(shown, /jailbreak/);
    assert.doesNotMatch(shown, /forbidden \d|Pretend/);
  }
});
