/**
 * Speed of live generation, each way in turn within one run: plain (no watch: 16-bit cache and flash attention, as other llama.cpp
 * servers run), scoring every token, steered, and steered and scoring. Wall time, and CPU time of the native process, which other
 * work on the machine disturbs less (Linux only).
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
import { hardware, median, spread } from './reference.js';

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
const engine = await openEngine({
  modelPath: model.path,
  device: 'cpu',
  threads: options.threads === undefined ? undefined : Number(options.threads),
});
const pid = Number.parseInt(
  execFileSync('ps', ['-o', 'pid=,args=', '--ppid', String(process.pid)], { encoding: 'utf8' })
    .split('\n')
    .find((line) => line.includes('host/child.js'))!,
  10,
);

/** CPU seconds of the native process; /proc counts in hundredths. */
function cpuSeconds(): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

const most = Math.max(...options.streams.split(',').map(Number));
const questions = builtinQuestions().slice(0, most);
const style = promptStyle(engine.model, 'auto', FEW_SHOT);
const longer = Number(options['prompt-tokens'] ?? 0);
const prompts = (
  await engine.tokenize(
    questions.map(({ question }) => style.text(question)),
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
  { name: 'plain', watch: false },
  { name: 'steered', watch: false, steered: true },
  { name: 'watching, no score', watch: true },
  { name: 'scoring', watch: true, score: true },
  { name: 'steered and scoring', watch: true, score: true, steered: true },
];

console.log(
  `live: ${model.name}, ${watch.length} watched neurons, prompts of ${prompts[0].length} tokens in the cache, ${tokens} tokens each; ${hardware()}`,
);
for (const streams of options.streams.split(',').map(Number)) {
  const found = WAYS.map(() => ({ speed: [] as number[], cpu: [] as number[] }));
  for (let repeat = 0; repeat < Number(options.repeats); repeat++)
    for (const watching of [false, true]) {
      const session = await engine.live({
        watch: watching ? watch : [],
        concurrency: streams,
        contextTokens: prompts[0].length + 40 + tokens,
      });
      for (const steered of [false, true]) await run(session, streams, { steered });
      for (const [i, way] of WAYS.entries()) {
        if (way.watch !== watching) continue;
        const { speed, cpu } = await run(session, streams, way);
        found[i].speed.push(speed);
        found[i].cpu.push(cpu);
      }
      await session.close();
    }
  console.log(`  ${streams} streams`);
  const plain = found[0];
  for (const [i, { name }] of WAYS.entries())
    console.log(
      `    ${name.padEnd(20)} ${spread(found[i].speed)} tokens/s (${(median(found[i].speed) / median(plain.speed)).toFixed(2)}x), CPU ${spread(found[i].cpu)} ms/token (${(median(plain.cpu) / median(found[i].cpu)).toFixed(2)}x)`,
    );
}
await engine.close();
