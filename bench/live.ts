/**
 * Speed of live generation, each way in turn in every repeat: plain (nothing watched: 16-bit cache and flash attention, as other
 * llama.cpp servers run), steered, scoring every token with each of the caches, and steered and scoring. Ratios are those
 * within a repeat. Wall time, and CPU time of the native process, which other work on the machine disturbs less (Linux only).
 *   node dist/bench/live.js --detector RUN/detector.json [--model gemma-3-270m] [--streams 1,8,32] [--tokens 32]
 *     [--repeats 3] [--threads N] [--prompt-tokens N]
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type LiveSession, openEngine, promptStyle } from '../src/engine/index.js';
import { resolveModel } from '../src/models/resolve.js';
import { detectorNeurons, readDetector } from '../src/pipeline/detector.js';
import { builtinQuestions } from '../src/questions/builtin.js';
import { FEW_SHOT } from '../src/questions/few-shot.js';
import { hardware, spread } from './reference.js';

const { values: options } = parseArgs({
  options: {
    model: { type: 'string', default: 'gemma-3-270m' },
    detector: { type: 'string' },
    streams: { type: 'string', default: '1,8,32' },
    tokens: { type: 'string', default: '32' },
    repeats: { type: 'string', default: '3' },
    threads: { type: 'string' },
    'prompt-tokens': { type: 'string' },
  },
});
if (!options.detector) throw new Error('--detector is needed');
const model = await resolveModel(options.model);
const detector = await readDetector(options.detector);
const { neurons: watch, weights } = detectorNeurons(detector);
const steering = { neurons: watch.filter((_, i) => weights[i] > 0), alpha: 0.5 };
// An engine has one live session at a time.
const engines = await Promise.all(
  Array.from({ length: 3 }, () =>
    openEngine({
      modelPath: model.path,
      device: 'cpu',
      threads: options.threads === undefined ? undefined : Number(options.threads),
    }),
  ),
);
const [engine] = engines;

/** CPU seconds of the native processes, of which one works at a time; /proc counts in hundredths. */
function cpuSeconds(): number {
  const children = execFileSync('ps', ['-o', 'pid=,args=', '--ppid', String(process.pid)], {
    encoding: 'utf8',
  })
    .split('\n')
    .filter((line) => line.includes('host/child.js'));
  return children.reduce((sum, line) => {
    const fields = readFileSync(`/proc/${Number.parseInt(line, 10)}/stat`, 'utf8')
      .split(') ')[1]
      .split(' ');
    return sum + (Number(fields[11]) + Number(fields[12])) / 100;
  }, 0);
}

const most = Math.max(...options.streams.split(',').map(Number));
const questions = builtinQuestions().slice(0, most);
const style = promptStyle(engine.model, 'auto', FEW_SHOT);
const longer = Number(options['prompt-tokens'] ?? 0);
const prompts = (
  await engine.tokenize(
    await Promise.all(questions.map(({ question }) => style.text(question))),
    style.tokenize,
  )
).map((prompt, i) => {
  // A prompt of its own for each request: text of questions in front, from another place for each.
  const filler = Array.from(
    { length: Math.max(0, longer - prompt.length) },
    (_, t) => 1000 + ((t * 37 + i * 101) % 5000),
  );
  return [...filler, ...prompt];
});
const tokens = Number(options.tokens);

/** One run of `streams` requests at once; tokens a second, and CPU milliseconds a token. */
async function run(session: LiveSession, streams: number, wish: { score?: boolean; steered?: boolean }) {
  const since = performance.now();
  const cpu = cpuSeconds();
  const counts = await Promise.all(
    prompts.slice(0, streams).map(
      (prompt, i) =>
        new Promise<number>((resolve, reject) => {
          session.submit(
            {
              id: `${i}`,
              stream: `${i}`,
              prompt,
              settings: {
                temperature: 1,
                topK: 50,
                topP: 0.9,
                minP: 0,
                maxTokens: tokens,
                stop: [],
                seed: 1,
              },
              score: wish.score,
              steering: wish.steered ? steering : undefined,
            },
            { onEnd: ({ generatedTokens }) => resolve(generatedTokens), onError: reject },
          );
        }),
    ),
  );
  const total = counts.reduce((sum, count) => sum + count, 0);
  return {
    speed: total / ((performance.now() - since) / 1000),
    cpu: (1000 * (cpuSeconds() - cpu)) / total,
  };
}

const WAYS = [
  { name: 'plain', session: 'fast' },
  { name: 'steered', session: 'fast', steered: true },
  { name: 'scoring, 16-bit cache', session: 'watching fast', score: true },
  { name: 'unscored, exact cache', session: 'watching' },
  { name: 'scoring, exact cache', session: 'watching', score: true },
  { name: 'and steered', session: 'watching', score: true, steered: true },
];

console.log(
  `live: ${model.name}, ${watch.length} watched neurons, prompts of ${prompts[0].length} tokens in the cache, ${tokens} tokens each; ${hardware()}`,
);
for (const streams of options.streams.split(',').map(Number)) {
  const common = { concurrency: streams, contextTokens: prompts[0].length + 40 + tokens };
  const sessions: Record<string, LiveSession> = {
    fast: await engines[0].live(common),
    'watching fast': await engines[1].live({ ...common, watch, exact: false }),
    watching: await engines[2].live({ ...common, watch }),
  };
  for (const { session, ...wish } of WAYS) await run(sessions[session], streams, wish);
  const found = WAYS.map(() => ({ speed: [] as number[], cpu: [] as number[] }));
  for (let repeat = 0; repeat < Number(options.repeats); repeat++)
    for (let turn = 0; turn < WAYS.length; turn++) {
      // Another one first each time, as a machine slows down and speeds up.
      const i = (turn + repeat) % WAYS.length;
      const { session, ...wish } = WAYS[i];
      const { speed, cpu } = await run(sessions[session], streams, wish);
      found[i].speed.push(speed);
      found[i].cpu.push(cpu);
    }
  for (const session of Object.values(sessions)) await session.close();
  console.log(`  ${streams} streams`);
  const [plain] = found;
  for (const [i, { name }] of WAYS.entries()) {
    const ratios = found[i].speed.map((speed, repeat) => speed / plain.speed[repeat]);
    const ofCpu = found[i].cpu.map((cpu, repeat) => plain.cpu[repeat] / cpu);
    console.log(
      `    ${name.padEnd(22)} ${spread(found[i].speed)} tokens/s, of plain ${spread(ratios, 2)}, by CPU ${spread(ofCpu, 2)}`,
    );
  }
}
for (const one of engines) await one.close();
