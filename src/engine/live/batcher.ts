import type { Context } from '../native/context.js';
import { allFinite, NotFiniteError, underSteering } from '../native/finite.js';
import type { HeldSteering } from '../steer/adapter.js';
import type { Steering } from '../types.js';
import type { EventLog, NumberedRequest } from './events.js';
import {
  endOf,
  type Generation,
  isOver,
  makeGeneration,
  pending,
  take,
  takeCett,
  wantsCett,
} from './generation.js';
import { type Spelling, spelling } from './held-text.js';
import type { Picker } from './picker.js';
import { commonLength, type Sequences } from './sequences.js';
import { type Group, makeTurns } from './turns.js';
import type { LiveToken } from './types.js';
import type { Watch } from './watch.js';

/** What the batcher needs from a model. */
export interface LiveModel {
  endsGeneration: Uint8Array;
  piece(token: number): Uint8Array;
  keyOf(steering: Steering | undefined): string;
  hold(steering: Steering | undefined): Promise<HeldSteering>;
}

export interface Batcher {
  /** Requests waiting and running. */
  readonly active: number;
  submit(request: NumberedRequest): void;
  cancel(number: number): void;
  /** Runs one batch. False when there was nothing to run: `onReady` tells when that may have changed. */
  step(): boolean;
  close(): void;
}

/** How much longer than without it a step may take for the prompts in it, while others wait for their tokens. */
const PROMPT_MS = 100;
/** The same while nobody waits. */
const ALONE_MS = 1000;
const FEWEST_PROMPT_ROWS = 16;
const FIRST_PROMPT_ROWS = 64;
/** Cells that a request is given beyond its prompt before it starts; it gets more as it grows. */
const LOOKAHEAD = 64;
/** A prompt waits for one on its way when they share so much more than what is kept. */
const WORTH_WAITING = 16;

/**
 * Continuous batching: each step feeds one token of every request under way with the same steering, and pieces of new
 * prompts; requests come and go between steps. Steerings take turns. Requests start in the order of their coming; when the
 * cells run short, the one that started last goes back to the head of the queue, and is fed again later.
 */
export function makeBatcher(
  context: Context,
  sequences: Sequences,
  model: LiveModel,
  options: {
    concurrency: number;
    watch?: Watch;
    picker: Picker;
    log: EventLog;
    /** The steering of a used context cannot be changed: one steering runs to its end, then the next has a fresh context. */
    oneSteering?: boolean;
    onReady(): void;
  },
): Batcher {
  const { concurrency, watch, picker, log, oneSteering = false } = options;
  const waiting: Generation[] = [];
  /** In the order in which they started. */
  const running: Generation[] = [];
  const turns = makeTurns(context);
  let preparing = false;
  /** The next request does not fit, and none has ended since. */
  let full = false;
  let rowMs: number | undefined;
  let closed = false;
  /** Steering of all that the context has computed, with `oneSteering`. */
  let computedKey: string | undefined;

  const ahead = ({ request, drawn }: Generation) => Math.min(request.settings.maxTokens - drawn, LOOKAHEAD);
  const outstanding = () => running.reduce((sum, one) => sum + pending(one) + ahead(one), 0);

  /** Lets go of steerings that nobody needs; the next request is about to need its own. */
  const prune = () => turns.prune(waiting[0]?.key);

  const leave = (generation: Generation) => {
    full = false;
    running.splice(running.indexOf(generation), 1);
    const { members } = turns.find(generation.key)!;
    members.splice(members.indexOf(generation), 1);
    sequences.retire(generation.kept!);
    generation.kept = undefined;
  };

  const prepare = async (generation: Generation) => {
    preparing = true;
    try {
      const steering = await model.hold(generation.request.steering);
      if (closed) steering.release();
      else turns.add(generation.key, steering);
    } catch (error) {
      const at = waiting.indexOf(generation);
      if (at >= 0) {
        waiting.splice(at, 1);
        log.failure(generation.request.number, error as Error);
      }
    }
    preparing = false;
    prune();
    options.onReady();
  };

  const start = (next: Generation, group: Group): 'started' | 'full' | 'wait' => {
    const { tokens } = next;
    const shared = sequences.shared(group.key, tokens);
    // A prompt on its way that begins alike: what they share will soon be there to be had.
    for (const other of group.members)
      if (
        pending(other) > 1 &&
        commonLength(other.tokens, tokens, tokens.length - 1) >= shared + WORTH_WAITING
      )
        return 'wait';
    const kept = sequences.begin(group.key, tokens);
    if (!kept) return 'full';
    next.kept = kept;
    if (!sequences.makeRoom(pending(next) + ahead(next) + outstanding())) {
      next.kept = undefined;
      sequences.drop(kept);
      return 'full';
    }
    next.cachedTokens ??= kept.tokens.length;
    running.push(next);
    group.members.push(next);
    return 'started';
  };

  /** False while the context is in use under another steering. */
  const turnTo = (key: string): boolean => {
    if (!oneSteering || key === computedKey) return true;
    if (running.length > 0) return false;
    if (computedKey !== undefined) {
      sequences.clear();
      turns.renew();
    }
    computedKey = key;
    return true;
  };

  const admit = () => {
    while (waiting.length > 0 && running.length < concurrency && !preparing && !full) {
      const group = turns.find(waiting[0].key);
      if (!group) {
        void prepare(waiting[0]);
        return;
      }
      if (!turnTo(group.key)) return;
      const outcome = start(waiting[0], group);
      full = outcome === 'full';
      if (outcome !== 'started') return;
      waiting.shift();
    }
  };

  /** Cells for a row of each request that has one token to feed; takes back those that started last if need be. */
  const secureCells = (group: Group) => {
    for (;;) {
      const rows = group.members.reduce((sum, one) => sum + (pending(one) === 1 ? 1 : 0), 0);
      if (sequences.makeRoom(Math.max(1, rows))) return;
      const victim = running[running.length - 1];
      leave(victim);
      waiting.unshift(victim);
      full = true;
    }
  };

  const feed = (generation: Generation, output: boolean): number => {
    const kept = generation.kept!;
    const position = kept.tokens.length;
    const token = generation.tokens[position];
    sequences.extend(kept, token);
    return context.add(token, position, kept.sequence, output);
  };

  /** Rows of prompts that this step may take. */
  const promptRoom = () => {
    const streaming = running.some(({ drawn }) => drawn > 0);
    const rows =
      rowMs === undefined ? FIRST_PROMPT_ROWS : Math.floor((streaming ? PROMPT_MS : ALONE_MS) / rowMs);
    return Math.max(FEWEST_PROMPT_ROWS, rows);
  };

  /** Wanted rows come first, as the watch asks; then other tokens, then prompts. */
  const fill = ({ members }: Group) => {
    let outputs = 0;
    for (const one of members) one.row = -1;
    const single = members.filter((one) => pending(one) === 1);
    for (const one of single) if (wantsCett(one)) one.row = feed(one, true);
    const wanted = context.rows;
    for (const one of single) if (!wantsCett(one)) one.row = feed(one, true);
    outputs = context.rows;
    let room = Math.min(promptRoom(), context.rowLimit - context.rows);
    for (const one of members) {
      if (one.row >= 0) continue;
      // The last token of a request that is fed again is a wanted row of its own.
      const most = pending(one) - (wantsCett(one) ? 1 : 0);
      let count = Math.min(most, room);
      if (count > 0 && !sequences.makeRoom(count)) count = Math.min(count, sequences.freeCells);
      for (let i = 0; i < count; i++) {
        const last = pending(one) === 1;
        const row = feed(one, last);
        if (!last) continue;
        one.row = row;
        outputs++;
      }
      room -= count;
    }
    watch?.expect(wanted, context.rows, outputs);
    return wanted;
  };

  const draw = (generation: Generation) => {
    const { settings, top = 0 } = generation.request;
    const logits = context.logits(generation.row);
    const likely: LiveToken['top'] =
      top > 0
        ? picker.top(logits, top).map((one) => ({ ...one, ...spelled(model.piece(one.token)) }))
        : undefined;
    const picked = picker.pick(logits, settings, generation.uniform);
    const ends = model.endsGeneration[picked.token] === 1;
    take(generation, picked, ends ? undefined : model.piece(picked.token), likely, log);
  };

  const advance = (batch: readonly Generation[], wanted: number) => {
    let spoilt = false;
    for (const one of batch) {
      if (one.row < 0) continue;
      try {
        if (one.row < wanted) takeCett(one, finiteCett(one.row), log);
        if (!one.finish) draw(one);
      } catch (error) {
        if (!(error instanceof NotFiniteError)) throw error;
        log.failure(one.request.number, underSteering(error, one.request.steering) as Error);
        leave(one);
        spoilt = true;
        continue;
      }
      if (!isOver(one)) continue;
      log.end(one.request.number, endOf(one));
      leave(one);
    }
    if (spoilt) startOver();
  };

  const finiteCett = (row: number): Float32Array => {
    const values = watch!.row(row);
    if (!allFinite(values)) throw new NotFiniteError('The activations');
    return values;
  };

  /** Empties the cache, whose NaN would reach every request, and feeds those under way again. */
  const startOver = () => {
    for (const one of [...running].reverse()) {
      leave(one);
      waiting.unshift(one);
    }
    sequences.clear();
  };

  /** After a failure inside llama.cpp nothing is known of the cells any more. */
  const failAll = (error: Error) => {
    for (const one of [...running]) {
      log.failure(one.request.number, error);
      leave(one);
    }
    sequences.clear();
  };

  return {
    get active() {
      return waiting.length + running.length;
    },
    submit(request) {
      waiting.push(makeGeneration(request, model.keyOf(request.steering)));
    },
    cancel(number) {
      const at = waiting.findIndex(({ request }) => request.number === number);
      if (at >= 0) {
        waiting.splice(at, 1);
        full = false;
      }
      const generation = running.find(({ request }) => request.number === number);
      if (generation) leave(generation);
      prune();
    },
    step() {
      admit();
      const group = turns.choose();
      if (!group) return false;
      try {
        turns.apply(group);
        secureCells(group);
        const batch = [...group.members];
        const since = performance.now();
        const wanted = fill(group);
        const rows = context.rows;
        // Its members may have been taken back for others.
        if (rows > 0) {
          context.decode();
          watch?.check();
          const ms = (performance.now() - since) / rows;
          rowMs = rowMs === undefined ? ms : 0.8 * rowMs + 0.2 * ms;
          advance(batch, wanted);
        }
      } catch (error) {
        failAll(error as Error);
      }
      prune();
      return true;
    },
    close() {
      closed = true;
      context.free();
      turns.close();
    },
  };
}

function spelled(piece: Uint8Array): Spelling {
  return spelling(Buffer.from(piece.buffer, piece.byteOffset, piece.length).toString('utf8'), piece);
}
