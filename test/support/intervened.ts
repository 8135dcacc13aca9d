import { after } from 'node:test';
import { createContext } from '../../src/engine/native/context.js';
import { loadModel } from '../../src/engine/native/model.js';
import { makeSteerer } from '../../src/engine/steer/adapter.js';
import type { Steering } from '../../src/engine/types.js';

export interface Intervened {
  /** Logits after the last token under run-time alpha. */
  logits(tokens: number[], steering?: Steering): Promise<Float32Array>;
  /** Logits after the last token with an adapter file loaded as any program that uses llama.cpp does. */
  withAdapter(tokens: number[], path: string, scale: number): Float32Array;
}

/** A model in this process, without the child process of the engine: opening one takes a few milliseconds. */
export async function openIntervened(modelPath: string): Promise<Intervened> {
  const model = await loadModel({ modelPath, device: 'cpu', threads: 1 });
  const { llama } = model;
  const context = createContext(llama, model.pointer, model.info.vocab, {
    cells: 64,
    rows: 64,
    outputs: 1,
    sequences: 1,
    threads: 1,
    kvType: 0,
    flashAttention: 'off',
  });
  after(() => context.free());
  const steerer = makeSteerer(model);
  const last = (tokens: number[]) => {
    context.clear();
    let row = 0;
    tokens.forEach((token, i) => {
      row = context.add(token, i, 0, i === tokens.length - 1);
    });
    context.decode();
    return context.logits(row).slice();
  };
  return {
    async logits(tokens, steering) {
      const held = await steerer.hold(steering);
      held.set(context.pointer);
      try {
        return last(tokens);
      } finally {
        llama.adaptersSet(context.pointer, null, 0, null);
        held.release();
      }
    },
    withAdapter(tokens, path, scale) {
      const adapter = llama.adapterLoad(model.pointer, path);
      if (!adapter) throw new Error(`llama.cpp refuses ${path}`);
      llama.adaptersSet(context.pointer, [adapter], 1, new Float32Array([scale]));
      try {
        return last(tokens);
      } finally {
        llama.adaptersSet(context.pointer, null, 0, null);
      }
    },
  };
}

export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let largest = 0;
  for (let i = 0; i < a.length; i++) largest = Math.max(largest, Math.abs(a[i] - b[i]));
  return largest;
}
