import { UserError } from '../../errors.js';
import { type Context, createContext } from '../native/context.js';
import type { LoadedModel } from '../native/model.js';
import { pieceCache } from '../native/vocabulary.js';
import { type Steerer, steeringKey } from '../steer/adapter.js';
import { makeBatcher } from './batcher.js';
import { type LiveEvents, makeEventLog, type NumberedRequest } from './events.js';
import { makePicker } from './picker.js';
import { makeSequences } from './sequences.js';
import { makeWatch } from './watch.js';

/** A live session in the native process: steps while there is work, and lets messages in between. */
export interface LiveRunner {
  /** Requests waiting and running. */
  readonly active: number;
  submit(request: NumberedRequest): void;
  cancel(number: number): void;
  close(): void;
}

/** Sequences that may be kept beside the running ones. */
const KEPT_SEQUENCES = 16;
const KEPT_CONTEXTS = 4;
/** What is kept at least of a cache with plain attention. */
const EXACT_KEPT_CELLS = 1024;
const MOST_TOP = 50;

/**
 * Opens the context of a live session: one for all steerings, as a sequence belongs to one and they take turns.
 * @throws UserError for options that do not fit the model, or when memory is short
 */
export function openLiveRunner(
  model: LoadedModel,
  steerer: Steerer,
  options: { watch: Int32Array; concurrency: number; contextTokens: number; exact: boolean },
  emit: (events: LiveEvents) => void,
): LiveRunner {
  const { watch: watched, concurrency, contextTokens } = options;
  const { info, llama } = model;
  const mostSequences = Math.min(Number(llama.maxSequences()), 256) - KEPT_SEQUENCES;
  if (!(Number.isInteger(concurrency) && concurrency >= 1 && concurrency <= mostSequences))
    throw new UserError(`${concurrency} requests at a time: use 1 to ${mostSequences}`);
  if (!(Number.isInteger(contextTokens) && contextTokens >= 2 && contextTokens <= info.contextLength))
    throw new UserError(
      `A context of ${contextTokens} tokens: ${info.name} takes 2 to ${info.contextLength}`,
    );
  // As `read` does, so that the scores are the same; without scores as `sample` does, which is faster with many long contexts.
  const watching = watched.length > 0;
  const exact = watching && options.exact;
  const { cells: affordable, rows } = model.budget(exact ? 'live-exact' : 'live');
  // Room for all to run at once and for some conversations that may go on, if memory allows.
  const wished = (concurrency + KEPT_CONTEXTS) * contextTokens;
  const cells = Math.max(contextTokens, Math.min(wished, affordable));
  const watch = watching ? makeWatch(model, watched, concurrency) : undefined;
  const sequenceCount = concurrency + KEPT_SEQUENCES;
  let context: Context;
  try {
    context = createContext(llama, model.pointer, info.vocab, {
      cells,
      // Each running request has a row in each step.
      rows: Math.max(rows, sequenceCount),
      outputs: sequenceCount,
      sequences: sequenceCount,
      threads: model.threads,
      pool: model.pool,
      contention: model.contention,
      kvType: exact ? 0 : 1,
      flashAttention: exact ? 'off' : 'auto',
      evaluate: watch?.callback,
    });
  } catch (error) {
    watch?.free();
    throw error;
  }
  const sequences = makeSequences(context, {
    sequences: sequenceCount,
    // Plain attention computes what it then leaves out: there, what is kept costs more.
    idleCells: exact
      ? Math.max(contextTokens, EXACT_KEPT_CELLS)
      : Math.max(contextTokens, context.cells >> 1),
    window: llama.modelWindow(model.pointer),
    shareable: !llama.modelIsRecurrent(model.pointer) && !llama.modelIsHybrid(model.pointer),
  });
  const log = makeEventLog(watched.length);
  const flush = () => {
    const events = log.take();
    if (events) emit(events);
  };
  let scheduled = false;
  let closed = false;
  const wake = () => {
    if (scheduled || closed) return;
    scheduled = true;
    // Not in a loop of microtasks: messages and the other calls come in between two steps.
    setImmediate(() => {
      scheduled = false;
      if (closed) return;
      const worked = batcher.step();
      flush();
      if (worked) wake();
    });
  };
  const batcher = makeBatcher(
    context,
    sequences,
    {
      endsGeneration: model.endsGeneration,
      piece: pieceCache(model),
      keyOf: steeringKey,
      hold: (steering) => steerer.hold(steering),
    },
    {
      concurrency,
      watch,
      picker: makePicker(info.vocab),
      log,
      oneSteering: model.oneSteering,
      onReady: wake,
    },
  );

  return {
    get active() {
      return batcher.active;
    },
    submit(request) {
      const fault = faultOf(request, contextTokens, info.vocab, watching);
      if (fault) log.failure(request.number, new UserError(fault));
      else batcher.submit(request);
      wake();
    },
    cancel(number) {
      batcher.cancel(number);
    },
    close() {
      closed = true;
      batcher.close();
      watch?.free();
    },
  };
}

/** What makes it impossible to run a request at all. */
function faultOf(
  { prompt, settings, top = 0, score }: NumberedRequest,
  contextTokens: number,
  vocab: number,
  watching: boolean,
): string | undefined {
  const { maxTokens, temperature, topK, topP, minP } = settings;
  if (prompt.length === 0) return 'The prompt is empty';
  if (!(Number.isInteger(maxTokens) && maxTokens >= 1))
    return `max tokens must be a whole number from 1 on, not ${maxTokens}`;
  if (prompt.length + maxTokens > contextTokens)
    return `The prompt has ${prompt.length} tokens and may be followed by ${maxTokens}, but the context holds ${contextTokens} together: shorten the prompt or ask for fewer tokens`;
  for (const token of prompt)
    if (!(token >= 0 && token < vocab)) return `Token ${token} is not in the vocabulary of ${vocab}`;
  for (const [name, value] of Object.entries({ temperature, topK, topP, minP }))
    if (!Number.isFinite(value)) return `${name} must be a number, not ${value}`;
  if (!(top >= 0 && top <= MOST_TOP)) return `At most ${MOST_TOP} likely tokens can be told, not ${top}`;
  if (score && !watching) return 'No neurons are watched, so there is nothing to score with';
  return undefined;
}
