/**
 * Notices that other programs take the cores that llama.cpp's threads want. The threads of a computation wait for each other in a
 * tight loop, many times in each layer: when one of them has lost its core, all wait, and a step takes up to a hundred times
 * as long as with one thread.
 */

/** One decode. */
export interface Step {
  rows: number;
  ms: number;
  /** Processor time of all threads in it, ms. */
  cpuMs: number;
}

/** Steps that are judged together. */
const WINDOW = 16;
const MIN_STEPS = 8;
/** Shorter is not worth a word. */
const MIN_MS = 1000;
const SLOWDOWN = 6;
/** At least half of the steps take so many times as long as the fastest: one pause alone says nothing. */
const SLOW_STEP = 3;
/** Share of the processor time of all threads: near 1 for steps that are long by themselves. */
const STARVED = 0.7;

/** Steps of about as many rows take about as long. */
export const sizeOf = ({ rows }: Pick<Step, 'rows'>): number => Math.floor(Math.log2(rows));

/**
 * How many times longer than the fastest of their size the steps took, where that is much and the threads lacked cores;
 * undefined where all is well.
 * @param fastest ms of the fastest step of each size
 */
export function slowdownOf(
  steps: readonly Step[],
  fastest: ReadonlyMap<number, number>,
  threads: number,
): number | undefined {
  if (threads < 2 || steps.length < MIN_STEPS) return undefined;
  let [taken, usual, cpu, slow] = [0, 0, 0, 0];
  for (const step of steps) {
    const best = fastest.get(sizeOf(step)) ?? step.ms;
    taken += step.ms;
    usual += best;
    cpu += step.cpuMs;
    if (step.ms >= SLOW_STEP * best) slow++;
  }
  const slowdown = taken / usual;
  const starved = cpu / (taken * threads) < STARVED;
  const often = slow * 2 >= steps.length;
  return often && taken >= MIN_MS && slowdown >= SLOWDOWN && starved ? slowdown : undefined;
}

export interface Contention {
  /** Threads for a computation whose result does not depend on their number. */
  readonly threads: number;
  add(step: Step): void;
}

/**
 * Watches all decodes of a process. Each time that they are slow, halves `threads`.
 * @param say hears of it, once
 */
export function makeContention(threads: number, say: (text: string) => void): Contention {
  let fewer = threads;
  let said = false;
  let steps: Step[] = [];
  const fastest = new Map<number, number>();
  return {
    get threads() {
      return fewer;
    },
    add(step) {
      if (fewer < 2) return;
      const size = sizeOf(step);
      fastest.set(size, Math.min(fastest.get(size) ?? step.ms, step.ms));
      steps = [...steps.slice(1 - WINDOW), step];
      const slowdown = slowdownOf(steps, fastest, threads);
      if (slowdown === undefined) return;
      steps = [];
      fewer = Math.ceil(fewer / 2);
      if (said) return;
      said = true;
      say(
        `other programs keep the processor busy: steps of the model take ${Math.round(slowdown)} times as long as the fastest, because its ${threads} threads wait for each other. Reading goes on with fewer, which changes no number; for all else set threads to 1`,
      );
    },
  };
}
