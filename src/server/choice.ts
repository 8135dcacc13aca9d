import type { LiveToken } from '../engine/live/types.js';
import type { DrawSettings } from '../engine/types.js';
import {
  ABSTENTION,
  type AnswerRisk,
  answerRisk,
  GUARD_RETRIES,
  guarded,
  spansOfTexts,
} from '../risk/index.js';
import { type Answer, type AnswerListener, type AnswerRequest, writeAnswer } from './answer.js';
import type { Generation } from './generation.js';
import type { ServerContext } from './types.js';

/** One of the answers that a request gets. */
export interface Choice {
  text: string;
  tokens: LiveToken[];
  finish: 'stop' | 'length';
  risk?: AnswerRisk;
}

/** What the answers of a request came to. */
export interface Usage {
  prompt: number;
  cached: number;
  generated: number;
}

/** The request that answer `index` to prompt `prompt` is written by. `attempt`: of the guard. */
export function answerRequest(
  { prompts, settings, steering, logprobs, risk, trimStart }: Generation,
  index: number,
  n: number,
  attempt = 0,
  alpha = steering.alpha,
): AnswerRequest {
  const steered = alpha !== 1 && steering.neurons.length > 0;
  return {
    prompt: prompts[Math.floor(index / n)],
    settings,
    // Equal requests draw equally; so do two that differ only in alpha, which makes them comparable.
    stream: `${index}${attempt ? `/${attempt}` : ''}`,
    steering: steered ? { neurons: steering.neurons, alpha } : undefined,
    top: logprobs ?? 0,
    score: risk !== undefined,
    trimStart,
  };
}

/** Writes an answer and counts it. */
export async function countedAnswer(
  { backend, metrics }: ServerContext,
  request: AnswerRequest,
  signal: AbortSignal,
  listener?: AnswerListener,
): Promise<Answer> {
  const began = performance.now();
  const seconds = () => (performance.now() - began) / 1000;
  let generated = 0;
  try {
    const answer = await writeAnswer(backend, request, signal, {
      onToken(token) {
        if (generated++ === 0) metrics.firstToken.observe(seconds());
        metrics.generatedTokens.inc();
        listener?.onToken(token);
      },
      onCett: (index, values) => listener?.onCett(index, values),
    });
    metrics.promptTokens.inc(answer.end.promptTokens);
    metrics.cachedTokens.inc(answer.end.cachedTokens);
    metrics.duration.observe(seconds());
    return answer;
  } catch (error) {
    metrics.duration.observe(seconds());
    throw error;
  }
}

/** Adds what an answer cost. `first`: of its prompt, which counts once, whatever n is; the others find all of it kept. */
export function countUsage(usage: Usage, { end }: Answer, first: boolean): void {
  usage.generated += end.generatedTokens;
  if (first) usage.cached += end.cachedTokens;
}

/** What the detector says about an answer; undefined where no score is wanted. */
export function riskOf({ risk }: Generation, answer: Answer, alpha?: number): AnswerRisk | undefined {
  if (!risk) return undefined;
  const width = risk.detector.neurons.length;
  const cett = new Float32Array(answer.cett.length * width);
  answer.cett.forEach((row, i) => {
    cett.set(row, i * width);
  });
  const read = answer.tokens.slice(0, answer.cett.length);
  const texts = read.map(({ text }) => text);
  const places = spansOfTexts(
    texts,
    read.map(({ leftOut }) => leftOut),
  );
  const settings = alpha === undefined ? risk : { ...risk, alpha };
  return answerRisk(settings, { text: answer.text, texts, cett, places });
}

/** Writes one answer to the end, under the guard that the request asks for. */
export async function guardedChoice(
  context: ServerContext,
  generation: Generation,
  index: number,
  signal: AbortSignal,
  usage: Usage,
): Promise<Choice> {
  const { onRisk, settings, steering, n } = generation;
  const write = async (attempt: number, alpha: number) => {
    const answer = await countedAnswer(context, answerRequest(generation, index, n, attempt, alpha), signal);
    countUsage(usage, answer, index % n === 0 && attempt === 0);
    const risk = riskOf(generation, answer, alpha);
    return { ...choiceOf(answer, risk), probability: risk?.probability ?? null };
  };
  const { threshold } = context.settings;
  const greedy = isGreedy(settings);
  const { answer, retries, abstained } = await guarded(
    {
      ...{ mode: onRisk, threshold, alpha: steering.alpha },
      temperature: greedy ? 0 : settings.temperature,
      // A greedy answer comes out the same where alpha has nothing to scale.
      retries: greedy && steering.neurons.length === 0 ? 0 : GUARD_RETRIES,
    },
    ({ attempt, alpha }) => write(attempt, alpha),
  );
  const { probability: _, ...choice } = answer;
  if (!choice.risk || onRisk === 'annotate') return choice;
  const risk = { ...choice.risk, ...(onRisk === 'retry' ? { retries } : { abstained }) };
  return abstained ? { text: ABSTENTION, tokens: [], finish: 'stop', risk } : { ...choice, risk };
}

/** Whether the filters leave one token, whatever is drawn. */
export function isGreedy({
  temperature,
  topK,
  minP,
}: Pick<DrawSettings, 'temperature' | 'topK' | 'minP'>): boolean {
  return temperature <= 0 || topK === 1 || minP >= 1;
}

export function choiceOf(answer: Answer, risk: AnswerRisk | undefined): Choice {
  const { text, tokens, end } = answer;
  return { text, tokens, finish: end.finish === 'length' ? 'length' : 'stop', risk };
}
