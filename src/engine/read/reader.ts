import { UserError } from '../../errors.js';
import type { Context } from '../native/context.js';
import { allFinite, NotFiniteError } from '../native/finite.js';
import type { LoadedModel } from '../native/model.js';
import type { ReadCase, ReadResult } from '../types.js';
import { finishMean, makeAccumulator, makeResidualAccumulator, type TokenTarget } from './cett.js';
import type { Pace } from './pace.js';
import { makeTap, type Tap } from './tap.js';

export interface ReadOptions {
  prefix: ArrayLike<number>;
  neurons: ArrayLike<number>;
  /** Whether raw CETT carries the sign of z. */
  signed?: boolean;
  /** Index of the mask whose mean of the residual stream is wanted. */
  residual?: number;
  /** Makes the context once the longest sequence is known: (cells, callback address). */
  open(cells: number, evaluate: bigint): Context;
  pace: Pace;
}

export interface ReadReply {
  cases: ReadCase[];
  exhausted: boolean;
}

/** A case on its way through the model. */
interface Reading {
  source: ReadCase;
  sequence: number;
  /** Tokens from the shared prefix, not run again. */
  shared: number;
  fed: number;
  sums: Float32Array[];
  raw?: Float32Array;
  residual?: Float32Array;
}

const MAX_IN_FLIGHT = 64;
/** Memory for the sums of the cases in flight. */
const SUM_BYTES = 192 << 20;
const FIRST_CELLS = 2048;

/**
 * Reads the mean CETT of all neurons over each mask of each case (method.md, steps 2 and 3). Tokens of several cases
 * are packed into each micro-batch; the prefix is run once, and its sum added to masks that cover it whole.
 * `exchange` hears the finished cases and answers with further ones.
 * @throws UserError when llama.cpp fails or a case is malformed; what `pace` throws
 */
export async function readCases(
  model: LoadedModel,
  options: ReadOptions,
  exchange: (results: ReadResult[], room: number) => Promise<ReadReply>,
): Promise<void> {
  const { prefix, neurons, signed = false, residual: residualMask, pace } = options;
  const size = model.info.layers * model.info.ffn;
  const residualSize = model.info.layers * model.info.hidden;
  const norms = model.norms();
  let rows: TokenTarget[] = [];
  const accumulate = makeAccumulator(model, neurons, signed, () => rows);
  let heard = 0;
  const addResidual = makeResidualAccumulator(model, () => rows);
  let heardResidual = 0;
  const tap: Tap = makeTap(
    model,
    (layer, z, h, tokens) => {
      heard++;
      accumulate(layer, z, h, tokens);
    },
    residualMask === undefined
      ? undefined
      : (layer, x, tokens) => {
          heardResidual++;
          addResidual(layer, x, tokens);
        },
  );
  let context: Context | undefined;
  let prefixSum: Float32Array | undefined;
  let prefixRaw: Float32Array | undefined;
  let prefixResidual: Float32Array | undefined;
  const reading: Reading[] = [];
  const waiting: ReadCase[] = [];
  const sequences = Array.from({ length: MAX_IN_FLIGHT }, (_, i) => MAX_IN_FLIGHT - i);
  let results: ReadResult[] = [];
  let exhausted = false;
  let masksSeen = 1;
  let showsResidual = residualMask !== undefined;

  const decode = async () => {
    heard = 0;
    heardResidual = 0;
    const [count, since] = [rows.length, performance.now()];
    context!.decode();
    if (tap.error) throw tap.error;
    const { architecture, layers } = model.info;
    if (heard !== layers)
      throw new UserError(
        `The graph of ${architecture} shows the down projection of ${heard} of ${layers} layers: this architecture cannot be read yet`,
      );
    if (heardResidual !== layers) showsResidual = false;
    rows = [];
    await pace.breathe(count, performance.now() - since);
  };

  /** (Re)opens the context with room for `cells` and runs the prefix. Only while no case is under way. */
  const open = async (cells: number) => {
    context?.free();
    context = options.open(cells, tap.callback);
    if (prefix.length === 0) return;
    prefixSum = new Float32Array(size);
    prefixRaw = neurons.length > 0 ? new Float32Array(prefix.length * neurons.length) : undefined;
    prefixResidual = residualMask === undefined ? undefined : new Float32Array(residualSize);
    for (let i = 0; i < prefix.length; i++) {
      context.add(prefix[i], i, 0, true);
      rows.push({
        sums: [prefixSum],
        raw: prefixRaw?.subarray(i * neurons.length, (i + 1) * neurons.length),
        residual: prefixResidual,
      });
      if (context.rows >= roomOf(context) || i === prefix.length - 1) await decode();
    }
  };

  const start = (source: ReadCase) => {
    const shared = usablePrefix(source, prefix);
    const sequence = sequences.pop()!;
    if (shared > 0) context!.copySequence(0, sequence, shared);
    const item: Reading = {
      source,
      sequence,
      shared,
      fed: shared,
      sums: source.masks.map(() => new Float32Array(size)),
      raw: neurons.length > 0 ? new Float32Array(source.tokens.length * neurons.length) : undefined,
      residual: residualMask === undefined ? undefined : new Float32Array(residualSize),
    };
    if (shared > 0) {
      source.masks.forEach((mask, m) => {
        if (!covers(mask, 0)) return;
        item.sums[m].set(prefixSum!);
        if (m === residualMask) item.residual!.set(prefixResidual!);
      });
      item.raw?.set(prefixRaw!);
    }
    masksSeen = Math.max(masksSeen, source.masks.length);
    reading.push(item);
  };

  const limit = () => Math.max(1, Math.min(MAX_IN_FLIGHT, Math.floor(SUM_BYTES / (size * 4 * masksSeen))));
  const used = () => reading.reduce((sum, r) => sum + r.source.tokens.length - r.shared, prefix.length);

  const admit = async () => {
    while (waiting.length > 0 && reading.length < limit()) {
      const next = waiting[0];
      checkCase(next, model.info.vocab, residualMask);
      const needed = prefix.length + next.tokens.length;
      if (!context || (reading.length === 0 && needed > context.cells))
        await open(Math.max(FIRST_CELLS, needed));
      if (used() + next.tokens.length > context!.cells) return;
      start(next);
      waiting.shift();
    }
  };

  const roomOf = ({ rowLimit }: Context) => Math.min(rowLimit, pace.room());

  const fill = () => {
    const room = roomOf(context!);
    for (const item of reading) {
      const { tokens, masks } = item.source;
      while (item.fed < tokens.length && context!.rows < room) {
        const t = item.fed++;
        context!.add(tokens[t], t, item.sequence, true);
        rows.push({
          sums: item.sums.filter((_, m) => covers(masks[m], t)),
          raw: item.raw?.subarray(t * neurons.length, (t + 1) * neurons.length),
          residual: residualMask !== undefined && covers(masks[residualMask], t) ? item.residual : undefined,
        });
      }
    }
  };

  const collect = () => {
    const together = reading.length;
    for (let i = reading.length - 1; i >= 0; i--) {
      const item = reading[i];
      if (item.fed < item.source.tokens.length) continue;
      reading.splice(i, 1);
      context!.removeSequence(item.sequence);
      sequences.push(item.sequence);
      const counts = item.source.masks.map((mask) => mask.reduce((sum, [from, to]) => sum + to - from, 0));
      const means = item.sums.map((sum, m) => finishMean(sum, norms, counts[m]));
      const { residual } = item;
      if (residual && counts[residualMask!] > 0)
        for (let i = 0; i < residual.length; i++) residual[i] /= counts[residualMask!];
      if (![...means, item.raw, residual].every((values) => !values || allFinite(values))) {
        const beside = together > 1 ? ` (or of another of the ${together} read with it)` : '';
        throw new NotFiniteError(`The activations of case ${nameOf(item.source)}${beside}`);
      }
      results.push({
        id: item.source.id,
        means,
        raw: item.raw,
        residual: showsResidual ? residual : undefined,
      });
    }
  };

  try {
    for (;;) {
      const room = exhausted ? 0 : Math.max(0, limit() - reading.length - waiting.length);
      if (results.length > 0 || room > 0) {
        const reply = await exchange(results, room);
        results = [];
        exhausted ||= reply.exhausted;
        for (const one of reply.cases) waiting.push(one);
      }
      await admit();
      if (reading.length > 0) {
        fill();
        await decode();
        collect();
      } else if (exhausted && waiting.length === 0 && results.length === 0) return;
    }
  } finally {
    context?.free();
    tap.free();
  }
}

/** The prefix serves a case that begins with it and whose masks each cover all of it or nothing of it. */
function usablePrefix(source: ReadCase, prefix: ArrayLike<number>): number {
  if (source.tokens.length <= prefix.length) return 0;
  for (let i = 0; i < prefix.length; i++) if (source.tokens[i] !== prefix[i]) return 0;
  for (const mask of source.masks) {
    const first = covers(mask, 0);
    for (let t = 1; t < prefix.length; t++) if (covers(mask, t) !== first) return 0;
  }
  return prefix.length;
}

function covers(mask: [number, number][], token: number): boolean {
  for (const [from, to] of mask) if (token >= from && token < to) return true;
  return false;
}

const nameOf = ({ id, label }: ReadCase): string => label ?? id;

function checkCase(source: ReadCase, vocab: number, residual: number | undefined): void {
  const { tokens } = source;
  const fault = (what: string) => new UserError(`Case ${nameOf(source)}: ${what}`);
  if (tokens.length === 0) throw fault('it has no tokens');
  for (let t = 0; t < tokens.length; t++)
    if (!(Number.isInteger(tokens[t]) && tokens[t] >= 0 && tokens[t] < vocab))
      throw fault(`token ${tokens[t]} at position ${t} is not in the vocabulary of ${vocab}`);
  if (residual !== undefined && !source.masks[residual])
    throw fault(`it has no mask ${residual}, over which the residual stream is to be read`);
  for (const mask of source.masks) {
    let end = 0;
    for (const [from, to] of mask) {
      if (!(from >= end && to >= from && to <= tokens.length))
        throw fault(`mask range ${from}-${to} does not fit into ${tokens.length} tokens, in order`);
      end = to;
    }
  }
}
