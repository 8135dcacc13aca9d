import type { Context } from '../native/context.js';

/** A sequence of the KV cache: of a request under way, or kept for prompts that begin alike. */
export interface Kept {
  readonly sequence: number;
  /** Steering that its keys and values were computed under. */
  readonly key: string;
  /** Tokens that are in the cache, in order. */
  readonly tokens: number[];
  readonly cells: number[];
  running: boolean;
  /** When it was used last, in steps of a counter. */
  used: number;
}

/** The cells of a context, shared by sequences that begin alike. */
export interface Sequences {
  readonly freeCells: number;
  /** Leading tokens of `tokens` that a sequence under this key holds; never all of them, as the last must give logits. */
  shared(key: string, tokens: readonly number[]): number;
  /** A new running sequence that holds those leading tokens already. Undefined when every sequence is running. */
  begin(key: string, tokens: readonly number[]): Kept | undefined;
  /** Notes a token that is fed to it. The caller has made sure that a cell is free. */
  extend(kept: Kept, token: number): void;
  /** Its request has ended: kept until its room is needed. */
  retire(kept: Kept): void;
  drop(kept: Kept): void;
  /** Drops kept sequences, least recently used first, until so many cells are free. False when they do not suffice. */
  makeRoom(cells: number): boolean;
  clear(): void;
}

/**
 * Keeps count of the cells as llama.cpp uses them: each token of a sequence is in a cell, a copied beginning shares the
 * cells of its source, and a cell is free when the last sequence that holds it is gone.
 * @param options.window sliding window of the model in tokens, 0 without one
 * @param options.idleCells most cells that kept sequences take: they cost time, as attention passes over all cells in use
 */
export function makeSequences(
  context: Pick<Context, 'cells' | 'copySequence' | 'removeSequence' | 'clear'>,
  options: { sequences: number; idleCells: number; shareable: boolean; window: number },
): Sequences {
  const holders = new Uint16Array(context.cells);
  const freeIds = Array.from({ length: context.cells }, (_, i) => context.cells - 1 - i);
  const freeSequences = Array.from({ length: options.sequences }, (_, i) => options.sequences - 1 - i);
  const all = new Set<Kept>();
  let clock = 0;

  const bestSource = (key: string, tokens: readonly number[]): { source?: Kept; length: number } => {
    let source: Kept | undefined;
    let length = 0;
    if (!options.shareable) return { source, length };
    for (const kept of all) {
      if (kept.key !== key) continue;
      const common = commonLength(kept.tokens, tokens, tokens.length - 1);
      // llama.cpp gives away cells that the sliding window has left behind: a beginning of a longer sequence may lack some.
      const torn = options.window > 0 && kept.tokens.length >= options.window && common < kept.tokens.length;
      if (common > length && !torn) {
        source = kept;
        length = common;
      }
    }
    return { source, length };
  };

  const drop = (kept: Kept) => {
    if (!all.delete(kept)) return;
    context.removeSequence(kept.sequence);
    freeSequences.push(kept.sequence);
    for (const cell of kept.cells) if (--holders[cell] === 0) freeIds.push(cell);
  };

  const oldest = (): Kept | undefined => {
    let found: Kept | undefined;
    for (const kept of all) if (!kept.running && (!found || kept.used < found.used)) found = kept;
    return found;
  };

  const begin = (key: string, tokens: readonly number[]): Kept | undefined => {
    const { source, length } = bestSource(key, tokens);
    if (source) source.used = ++clock;
    if (freeSequences.length === 0) {
      // The source was used just now: it goes only if it is the last one that is kept.
      const victim = oldest();
      if (!victim) return undefined;
      drop(victim);
      if (victim === source) return begin(key, tokens);
    }
    const sequence = freeSequences.pop()!;
    const kept: Kept = { sequence, key, tokens: [], cells: [], running: true, used: ++clock };
    all.add(kept);
    if (source) {
      context.copySequence(source.sequence, sequence, length);
      for (let i = 0; i < length; i++) {
        kept.tokens.push(source.tokens[i]);
        kept.cells.push(source.cells[i]);
        holders[source.cells[i]]++;
      }
      // All of it lives on in the new one.
      if (!source.running && length === source.tokens.length) drop(source);
    }
    return kept;
  };

  const marks = new Uint8Array(context.cells);
  /** Cells that none but kept sequences hold. */
  const idleCells = (): number => {
    marks.fill(0);
    let count = 0;
    for (const one of all) if (one.running) for (const cell of one.cells) marks[cell] = 1;
    for (const one of all)
      if (!one.running)
        for (const cell of one.cells) {
          if (marks[cell] === 0) count++;
          marks[cell] = 1;
        }
    return count;
  };

  return {
    get freeCells() {
      return freeIds.length;
    },
    shared: (key, tokens) => bestSource(key, tokens).length,
    begin,
    extend(kept, token) {
      const cell = freeIds.pop();
      if (cell === undefined) throw new Error('no cell is free');
      holders[cell] = 1;
      kept.cells.push(cell);
      kept.tokens.push(token);
    },
    retire(kept) {
      kept.running = false;
      kept.used = ++clock;
      if (!options.shareable || kept.tokens.length === 0) {
        drop(kept);
        return;
      }
      for (let victim = oldest(); victim && idleCells() > options.idleCells; victim = oldest()) drop(victim);
    },
    drop,
    makeRoom(cells) {
      while (freeIds.length < cells) {
        const victim = oldest();
        if (!victim) return false;
        drop(victim);
      }
      return true;
    },
    clear() {
      for (const kept of [...all]) drop(kept);
      context.clear();
    },
  };
}

/** How many tokens two sequences begin with in common, `most` at most. */
export function commonLength(a: readonly number[], b: readonly number[], most: number): number {
  const end = Math.min(a.length, b.length, most);
  let length = 0;
  while (length < end && a[length] === b[length]) length++;
  return length;
}
