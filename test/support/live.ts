import type {
  DrawSettings,
  Engine,
  LiveEnd,
  LiveOptions,
  LiveRequest,
  LiveSession,
  LiveToken,
  ReadResult,
  Steering,
} from '../../src/engine/index.js';

export const GREEDY: DrawSettings = {
  temperature: 0,
  topK: 0,
  topP: 1,
  minP: 0,
  maxTokens: 12,
  stop: [],
  seed: 1,
};

/** What a listener heard of a request, in order. */
export interface Heard {
  tokens: LiveToken[];
  cett: Float32Array[];
  /** `t0`, `c0`, `end` … */
  order: string[];
  end?: LiveEnd;
  error?: Error;
}

export const textOf = ({ tokens }: Heard): string => tokens.map(({ text }) => text).join('');
export const idsOf = ({ tokens }: Heard): number[] => tokens.map(({ token }) => token);

/** Submits a request; resolves when it has ended or failed. `onToken` hears each token too. */
export function generate(
  session: LiveSession,
  request: LiveRequest,
  onToken?: (token: LiveToken) => void,
): Promise<Heard> {
  const heard: Heard = { tokens: [], cett: [], order: [] };
  return new Promise((resolve) => {
    session.submit(request, {
      onToken: (token) => {
        heard.tokens.push(token);
        heard.order.push(`t${token.index}`);
        onToken?.(token);
      },
      onCett: (index, cett) => {
        heard.cett[index] = cett;
        heard.order.push(`c${index}`);
      },
      onEnd: (end) => {
        heard.end = end;
        heard.order.push('end');
        resolve(heard);
      },
      onError: (error) => {
        heard.error = error;
        heard.order.push('error');
        resolve(heard);
      },
    });
  });
}

/** Runs requests alone, one after another, each in a session of its own. */
export async function eachAlone(
  engine: Engine,
  options: LiveOptions,
  requests: LiveRequest[],
): Promise<Heard[]> {
  const results: Heard[] = [];
  for (const request of requests) {
    const session = await engine.live(options);
    results.push(await generate(session, request));
    await session.close();
  }
  return results;
}

/** CETT `[tokens][neurons]` of an answer as `read` gives it. */
export async function readAnswer(
  engine: Engine,
  prompt: ArrayLike<number>,
  answer: number[],
  neurons: number[],
  steering?: Steering,
): Promise<Float32Array[]> {
  let asked = false;
  let result: ReadResult | undefined;
  const tokens = [...Array.from(prompt), ...answer];
  await engine.read({
    neurons,
    steering,
    next: () => {
      if (asked) return undefined;
      asked = true;
      return { id: 'answer', tokens, masks: [] };
    },
    onResult: (one) => {
      result = one;
    },
  });
  const width = neurons.length;
  return answer.map((_, i) =>
    result!.raw!.subarray((prompt.length + i) * width, (prompt.length + i + 1) * width),
  );
}
