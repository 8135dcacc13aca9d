/** The native process: loads one model and answers the parent's calls, one at a time. */
import { UserError } from '../../errors.js';
import { type LiveRunner, openLiveRunner } from '../live/runner.js';
import { type Context, createContext } from '../native/context.js';
import { toFloat32 } from '../native/convert.js';
import { underSteering } from '../native/finite.js';
import { type LoadedModel, loadModel } from '../native/model.js';
import { probeModel } from '../native/probe.js';
import { detokenize, pieceBytes, pieceCache, tokenize } from '../native/vocabulary.js';
import { logProbabilities } from '../read/log-probabilities.js';
import { makePace } from '../read/pace.js';
import { type ReadReply, readCases } from '../read/reader.js';
import { growTrees, type StepReply } from '../sample/tree.js';
import { makeSteerer, type Steerer } from '../steer/adapter.js';
import type { Steering } from '../types.js';
import { dieWithParent } from './orphan.js';
import {
  AT_ONCE,
  type CallName,
  type Calls,
  type ToChild,
  type ToParent,
  type Turn,
  type TurnReply,
} from './protocol.js';

type Exchange = (turn: Turn) => Promise<TurnReply>;
type Handlers = {
  [K in CallName]: (
    argument: Calls[K][0],
    exchange: Exchange,
    stopped: () => boolean,
  ) => Promise<Calls[K][1]>;
};

let model: LoadedModel;
let steerer: Steerer;
let live: LiveRunner | undefined;

const handlers: Handlers = {
  async load(options) {
    model = await loadModel(options, (text) => send({ kind: 'notice', text }));
    send({ kind: 'probing', weightBytes: model.info.weightBytes });
    probeModel(model);
    steerer = makeSteerer(model);
    return model.info;
  },
  async tokenize({ texts, special, bos }) {
    return texts.map((text) => tokenize(model, text, { special, bos }));
  },
  async pieces({ tokens }) {
    return Array.from(tokens, (token) => pieceBytes(model, token));
  },
  async detokenize({ tokens }) {
    return detokenize(model, tokens);
  },
  async columnNorms() {
    return model.norms();
  },
  async logits({ tokens, steering }) {
    const rows = Math.min(tokens.length, 512);
    const shape = { cells: tokens.length, rows, outputs: 1, sequences: 1, kvType: 0, exact: true } as const;
    return steered(steering, shape, (context) => {
      let row = 0;
      for (let i = 0; i < tokens.length; i++) {
        const last = i === tokens.length - 1;
        row = context.add(tokens[i], i, 0, last);
        if (context.rows === rows || last) context.decode();
      }
      return context.logits(row).slice();
    });
  },
  async logProbabilities({ cases, prefix, steering }) {
    if (cases.length === 0) return [];
    const { cells, rows } = model.budget('score');
    const longest = cases.reduce((most, { tokens }) => Math.max(most, tokens.length), 0);
    const all = cases.reduce((sum, { tokens }) => sum + tokens.length, prefix.length);
    const shape = {
      cells: Math.max(prefix.length + longest, Math.min(all, cells)),
      rows,
      outputs: rows,
      sequences: 65,
      kvType: 0,
      exact: true,
    } as const;
    return steered(steering, shape, (context) => logProbabilities(context, cases, { prefix, sequences: 64 }));
  },
  async sample({ settings, prefix, most }, exchange) {
    const budget = model.budget('sample');
    const available = budget.sequences;
    const sequences = Math.max(1, Math.min(available, most?.samples ?? available));
    const affordable = Math.max(budget.cells, prefix.length + 1024);
    const shape = {
      cells: most ? Math.min(affordable, prefix.length + most.tokens) : affordable,
      // As many as a large job has: rows decide how prompts are cut into batches, and so how they are rounded.
      rows: budget.rows,
      outputs: sequences,
      sequences: sequences + 1,
      kvType: 1,
      exact: false,
    } as const;
    const { endsGeneration, info } = model;
    const tree = { vocab: info.vocab, endsGeneration, piece: pieceCache(model) };
    const window = model.llama.modelWindow(model.pointer);
    return steered(settings.steering, shape, (context) =>
      growTrees(context, tree, { settings, prefix, sequences, window }, async (events) => {
        return (await exchange({ kind: 'sample', events })) as StepReply;
      }),
    );
  },
  async read({ prefix, neurons, signed, residual, steering }, exchange, stopped) {
    const budget = model.budget('read');
    const held = await steerer.hold(steering);
    const openReader = (cells: number, evaluate: bigint) => {
      const context = open({
        cells: Math.max(cells, budget.cells),
        rows: budget.rows,
        outputs: budget.rows,
        sequences: 65,
        kvType: 0,
        exact: true,
        evaluate,
      });
      held.set(context.pointer);
      return context;
    };
    const pace = makePace(() => (!live ? 'none' : live.active > 0 ? 'busy' : 'idle'), stopped);
    try {
      await readCases(
        model,
        { prefix, neurons, signed, residual, open: openReader, pace },
        async (results, room) => {
          return (await exchange({ kind: 'read', results, room })) as ReadReply;
        },
      );
    } catch (error) {
      throw underSteering(error, steering);
    } finally {
      held.release();
    }
    return null;
  },
  async liveOpen(options) {
    live = openLiveRunner(model, steerer, options, (events) => send({ kind: 'live', events }));
    return null;
  },
  async liveClose() {
    live?.close();
    live = undefined;
    return null;
  },
  async toFloat32({ path, out }) {
    toFloat32(path, out);
    return null;
  },
  async peakMemory() {
    return process.resourceUsage().maxRSS * 1024;
  },
};

interface Shape {
  cells: number;
  rows: number;
  outputs: number;
  sequences: number;
  kvType: 0 | 1;
  exact: boolean;
  evaluate?: bigint;
}

function open(settings: Shape): Context {
  const { exact, ...rest } = settings;
  return createContext(model.llama, model.pointer, model.info.vocab, {
    ...rest,
    threads: model.threads,
    pool: model.pool,
    contention: model.contention,
    flashAttention: exact ? 'off' : 'auto',
  });
}

/** Work in a context under a steering; the adapter is held as long as the context that it is set on. */
async function steered<T>(
  steering: Steering | undefined,
  shape: Shape,
  work: (context: Context) => T | Promise<T>,
): Promise<T> {
  const held = await steerer.hold(steering);
  try {
    const context = open(shape);
    try {
      held.set(context.pointer);
      return await work(context);
    } finally {
      context.free();
    }
  } catch (error) {
    throw underSteering(error, steering);
  } finally {
    held.release();
  }
}

/** Calls under way or waiting; false for those that nobody wants any more. */
const wanted = new Map<number, boolean>();
const pending = new Map<number, (reply: TurnReply) => void>();
let queue: Promise<void> = Promise.resolve();

const send = (message: ToParent) => process.send?.(message);

async function answer(id: number, name: CallName, argument: unknown): Promise<void> {
  const exchange: Exchange = (turn) => {
    send({ kind: 'turn', id, turn });
    return new Promise((resolve, reject) => {
      pending.set(id, (reply) => ('cancel' in reply ? reject(new Error('cancelled')) : resolve(reply)));
    });
  };
  try {
    const stopped = () => wanted.get(id) === false;
    if (stopped()) throw new Error('stopped');
    const handler = handlers[name] as (...all: [unknown, Exchange, () => boolean]) => Promise<unknown>;
    send({ kind: 'result', id, result: await handler(argument, exchange, stopped) });
  } catch (error) {
    const { message, stack } = error as Error;
    send({
      kind: 'failure',
      id,
      message,
      stack,
      exitCode: error instanceof UserError ? error.exitCode : undefined,
    });
  } finally {
    wanted.delete(id);
  }
}

process.on('message', (message: ToChild) => {
  if (message.kind === 'submit') live?.submit(message.request);
  else if (message.kind === 'cancel') live?.cancel(message.number);
  else if (message.kind === 'stop') {
    if (wanted.has(message.id)) wanted.set(message.id, false);
  } else if (message.kind === 'call') {
    const { id, name, argument } = message;
    wanted.set(id, true);
    if (AT_ONCE.has(name)) void answer(id, name, argument);
    else queue = queue.then(() => answer(id, name, argument));
  } else {
    const resolve = pending.get(message.id);
    pending.delete(message.id);
    resolve?.(message.reply);
  }
});
// Ctrl-C reaches the whole process group; the parent decides what becomes of this process.
process.on('SIGINT', () => {});
process.on('disconnect', () => process.exit(0));
dieWithParent();
send({ kind: 'ready' });
