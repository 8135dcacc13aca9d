import { setTimeout as sleep } from 'node:timers/promises';
import type {
  Engine,
  ModelInfo,
  ReadCase,
  ReadJob,
  Sample,
  SampleJob,
  SampleRequest,
} from '../../src/engine/index.js';
import type { Question } from '../../src/questions/types.js';
import { seededRandom } from './random.js';

/**
 * An engine that answers at once and whose truth is known: tokens are bytes, a question's wording says how it is
 * answered, and one neuron tells hallucinations.
 */
const BOS = 256;
const LAYERS = 2;
const FFN = 32;
/** Flat index of the neuron whose CETT is high in answers that hold "wrong". */
export const TELLING_NEURON = 21;
/** Flat index of the direction of the residual stream that does so too. */
export const TELLING_DIRECTION = 40;

export const fakeModel: ModelInfo = {
  path: 'fake.gguf',
  architecture: 'llama',
  name: 'fake',
  layers: LAYERS,
  ffn: FFN,
  hidden: 32,
  vocab: 257,
  contextLength: 4096,
  gated: true,
  addBos: true,
  weightBytes: 1,
  quantisation: 'F32',
  parameters: 1,
  libraryVersion: 'fake',
  device: 'cpu',
};

/** `count` questions of each kind in each relation, always answered right, always wrong, or now and then right. */
export function fakeQuestions(count: number, relations = ['first', 'second', 'third']): Question[] {
  return relations.flatMap((relation) =>
    (['sure', 'lost', 'torn'] as const).flatMap((kind) =>
      Array.from({ length: count }, (_, i) => ({
        id: `${relation}/${kind}/${i}`,
        question: `Which is the ${kind} thing number ${i} of the ${relation} kind?`,
        aliases: [`right ${relation} ${i}`],
        relation,
      })),
    ),
  );
}

/** The same questions with options, of which one is right; its letter moves with the number. */
export function fakeChoices(count: number, relations?: string[]): Question[] {
  return fakeQuestions(count, relations).map((question, i) => {
    const options = [1, 2, 3].map((wrong) => `wrong ${wrong}`);
    options.splice(i % 4, 0, question.aliases[0]);
    return { ...question, kind: 'choice', aliases: ['ABCD'[i % 4]], options };
  });
}

/** With options in a prompt: the right letter, and the one that the model chooses (sure: right; lost: the next one; torn: B). */
function letters(text: string): { right: string; chosen: string } | undefined {
  const block = text.slice(text.lastIndexOf('Question: '));
  const right = /^([A-D])\. right/m.exec(block)?.[1];
  if (right === undefined) return undefined;
  const other = 'BCDA'['ABCD'.indexOf(right)];
  return { right, chosen: block.includes(' sure ') ? right : block.includes(' lost ') ? other : 'B' };
}

export interface FakeOptions {
  delayMs?: number;
  signal?: AbortSignal;
  /** Whether the model can answer nothing without these neurons. Default: it can spare any. */
  breaks?(neurons: ArrayLike<number>): boolean;
  /** Neurons that tell hallucinations: answer "wrong k" raises the k-th of them alone. Default: one for all. */
  telling?: number[];
  /** Called with each job before it is done. */
  onJob?(job: SampleJob): void;
}

export function fakeEngine({ delayMs, signal, breaks, telling, onJob }: FakeOptions = {}): Engine {
  const pause = async () => {
    signal?.throwIfAborted();
    if (delayMs) await sleep(delayMs);
  };
  return {
    model: fakeModel,
    process: { pid: process.pid, gone: new Promise(() => {}), kill() {} },
    tokenize: async (texts, { bos }) =>
      texts.map((text) => Int32Array.from([...(bos ? [BOS] : []), ...Buffer.from(text)])),
    pieces: async (tokens) => Array.from(tokens, piece),
    detokenize: async (tokens) => Buffer.concat(Array.from(tokens, piece)).toString(),
    async sample(job) {
      onJob?.(job);
      const { steering } = job.settings;
      const broken = steering?.alpha === 0 && breaks?.(steering.neurons) === true;
      // Three at a time, the last come first served: results are never in the order of asking.
      let open: SampleRequest[] = [];
      for (;;) {
        await job.ready?.();
        while (open.length < 3) {
          const request = job.next();
          if (!request) break;
          open.push(request);
        }
        const request = open.pop();
        if (!request) break;
        await pause();
        open = open.reverse();
        const samples: Sample[] = [];
        let stopped = false;
        for (let index = 0; index < request.samples && !stopped; index++) {
          const sample = answer(request, index, job.settings, broken);
          samples.push(sample);
          stopped = job.onSample?.(request.id, sample) === false && index + 1 < request.samples;
        }
        job.onResult({ id: request.id, samples, stopped });
      }
      return { questions: 0, samples: 0, sampledTokens: 0, decodedRows: 0, promptRows: 0 };
    },
    async read(job) {
      for (let one = job.next(); one; one = job.next()) {
        await pause();
        job.onResult(readCase(one, job, telling));
      }
    },
    columnNorms: async () => new Float32Array(LAYERS * FFN).fill(1),
    logProbabilities: async (cases) =>
      cases.map(({ tokens, asked }) =>
        Float64Array.from(
          asked.flatMap((one) =>
            Array.from(one.tokens, (token) => {
              const seed = hash(`${tokens[one.at]} ${token}`);
              const chosen = letters(spell(tokens))?.chosen === String.fromCharCode(token);
              return Math.log(chosen ? 0.9 : 0.1 * seededRandom(seed)());
            }),
          ),
        ),
      ),
    logits: async () => new Float32Array(257),
    live: async () => {
      throw new Error('this engine has no live sessions');
    },
    peakMemory: async () => 1,
    close: async () => {},
  };
}

function spell(tokens: ArrayLike<number>): string {
  return Buffer.from(Array.from(tokens).filter((token) => token < BOS)).toString();
}

function piece(token: number): Uint8Array {
  return token === BOS ? Buffer.from('<bos>') : Uint8Array.of(token);
}

function answer(
  request: SampleRequest,
  index: number,
  { seed, temperature }: { seed: number; temperature: number },
  broken: boolean,
): Sample {
  const [relation, kind, number] = request.id.split('/');
  const luck = seededRandom(hash(`${seed} ${temperature} ${request.id} ${index}`))();
  const right = !broken && (kind === 'sure' || (kind === 'torn' && luck < 0.5));
  const choice = letters(spell(request.prompt));
  const text = choice
    ? ` ${choice.chosen}`
    : right
      ? ` right ${relation} ${number}`
      : ` wrong ${Math.floor(luck * 4)}`;
  const tokens = [...Buffer.from(text)];
  const logProbability = -luck * tokens.length;
  return { index, tokens, text, finish: 'stop', logProbability, endLogProbability: 0 };
}

function readCase(
  one: ReadCase,
  { neurons, residual: residualMask }: Pick<ReadJob, 'neurons' | 'residual'>,
  telling = [TELLING_NEURON],
) {
  const tokens = Array.from(one.tokens);
  const text = spell(tokens);
  const end = text.slice(text.lastIndexOf('Answer:'));
  const choice = letters(text);
  const wrongLetter = choice && !end.endsWith(choice.right) ? 'Answer: wrong 0' : end;
  const said = /Answer: wrong (\d)/.exec(wrongLetter);
  const raised = said && telling[Number(said[1]) % telling.length];
  const cett = (at: number, neuron: number) => {
    const noise = seededRandom(hash(`${text} ${at} ${neuron}`))();
    return neuron === raised && at > tokens.length - (choice ? 2 : 10) ? noise + 1 : noise;
  };
  const means = one.masks.map((mask) => {
    const mean = new Float32Array(LAYERS * FFN);
    const places = mask
      .flatMap(([from, to]) => Array.from({ length: to - from }, (_, i) => from + i))
      .slice(-6);
    for (let j = 0; j < mean.length; j++) for (const at of places) mean[j] += cett(at, j) / places.length;
    return mean;
  });
  const raw =
    neurons && Float32Array.from(tokens.flatMap((_, at) => Array.from(neurons, (j) => cett(at, j))));
  const residual =
    residualMask === undefined
      ? undefined
      : Float32Array.from({ length: LAYERS * fakeModel.hidden }, (_, j) => {
          const noise = seededRandom(hash(`${text} ${one.masks[residualMask].flat()} residual ${j}`))();
          return j === TELLING_DIRECTION && said ? noise + 1 : noise;
        });
  return { id: one.id, means, raw, residual };
}

function hash(text: string): number {
  let value = 2166136261;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 16777619) >>> 0;
  return value;
}
