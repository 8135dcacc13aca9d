import type { LiveListener, LiveOptions, LiveRequest, LiveSession } from '../engine/live/types.js';
import type { Engine } from '../engine/types.js';
import { readNeurons } from '../pipeline/score.js';
import { tokenSpans } from '../pipeline/token-spans.js';

/** Live generation over whole samples, one request after another. */
export async function openLive(engine: Engine, options: LiveOptions): Promise<LiveSession> {
  const waiting: { request: LiveRequest; listener: LiveListener; cancelled: boolean }[] = [];
  let running: (typeof waiting)[number] | undefined;
  const one = async ({ request, listener }: (typeof waiting)[number], gone: () => boolean) => {
    const { steering, settings } = request;
    let asked = false;
    await engine.sample({
      settings: { ...settings, steering },
      next: () => {
        if (asked) return undefined;
        asked = true;
        return { id: request.stream, prompt: request.prompt, samples: 1 };
      },
      onResult: () => {},
      onSample: (_, sample) => {
        result = sample;
        return undefined;
      },
    });
    if (!result) throw new Error('no sample');
    const { tokens, finish } = result;
    const pieces = await engine.pieces(tokens);
    const { text, spans } = tokenSpans(pieces);
    const all = [...Array.from(request.prompt), ...tokens];
    let raw: Float32Array | undefined;
    const width = options.watch?.length ?? 0;
    if (request.score && width) {
      await readNeurons(engine, options.watch!, [{ tokens: all }], (_, values) => {
        raw = values;
      });
    }
    const cett = (i: number) =>
      raw!.slice((request.prompt.length + i) * width, (request.prompt.length + i + 1) * width);
    for (let i = 0; i < tokens.length; i++) {
      if (gone()) return;
      const shown = text.slice(spans[i].start, spans[i + 1]?.start ?? text.length);
      const limit = Math.max(0, result.text.length - spans[i].start);
      listener.onToken?.({
        index: i,
        token: tokens[i],
        text: shown.slice(0, limit),
        logProbability: result.logProbability / tokens.length,
        top: request.top
          ? [{ token: tokens[i], text: shown, logProbability: result.logProbability }]
          : undefined,
      });
      if (raw && i > 0) listener.onCett?.(i - 1, cett(i - 1));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    if (gone()) return;
    if (raw && tokens.length) listener.onCett?.(tokens.length - 1, cett(tokens.length - 1));
    listener.onEnd({
      finish,
      promptTokens: request.prompt.length,
      cachedTokens: 0,
      generatedTokens: tokens.length + (finish === 'end' ? 1 : 0),
    });
  };
  let result: import('../engine/types.js').Sample | undefined;
  const pump = async () => {
    if (running) return;
    for (;;) {
      running = waiting.shift();
      if (!running) return;
      const { listener } = running;
      const mine = running;
      result = undefined;
      try {
        if (!mine.cancelled) await one(mine, () => mine.cancelled);
      } catch (error) {
        if (!mine.cancelled) listener.onError(error as Error);
      }
    }
  };
  return {
    submit(request, listener) {
      waiting.push({ request, listener, cancelled: false });
      void pump();
    },
    cancel(id) {
      for (const item of [running, ...waiting]) if (item?.request.id === id) item.cancelled = true;
    },
    get active() {
      return [running, ...waiting].filter((item) => item && !item.cancelled).length;
    },
    async close() {
      for (const item of [running, ...waiting]) if (item) item.cancelled = true;
    },
  };
}
