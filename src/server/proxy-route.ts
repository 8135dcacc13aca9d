import { z } from 'zod';
import { endingOf } from '../endpoint/finish.js';
import { ABSTENTION, type AnswerRisk, GUARD_RETRIES, guarded } from '../risk/index.js';
import { beginComputing, type HonoContext } from './computing.js';
import {
  type ForeignAnswer,
  foreignContent,
  type ProxyRequest,
  proxyRequest,
  scoreAnswer,
} from './proxy-answer.js';
import { proxyStream } from './proxy-stream.js';
import { readBody } from './read-body.js';
import type { ServerContext } from './types.js';
import { nonsense, type Upstream } from './upstream.js';
import { upstreamModel } from './upstream-model.js';

/** A choice as the other server sent it, with what is in it. */
interface ForeignChoice {
  raw: Record<string, unknown>;
  answer: ForeignAnswer;
  risk?: AnswerRisk;
}

/** `POST /v1/chat/completions` and `/v1/completions` where another server writes the answers. */
export async function proxyRoute(
  context: ServerContext,
  upstream: Upstream,
  kind: ProxyRequest['kind'],
  c: HonoContext,
): Promise<Response> {
  const request = await proxyRequest(context, kind, await readBody(c, context.settings.maxBody));
  const computing = beginComputing(context, c, request.count);
  const { scope } = computing;
  try {
    request.body.model = await upstreamModel(context, upstream, request.model);
    scope.signal.throwIfAborted();
    if (request.stream) {
      const cutOff = () => c.env?.outgoing?.destroy();
      const body = await proxyStream(context, upstream, request, computing, cutOff);
      return c.body(body, 200, {
        'Content-Type': 'text/event-stream; charset=utf-8',
        'Cache-Control': 'no-store',
        'X-Accel-Buffering': 'no',
        'Transfer-Encoding': 'chunked',
      });
    }
    const answer = await wholeAnswer(context, upstream, request, scope.signal);
    computing.end();
    return c.json(answer);
  } catch (error) {
    const told = computing.failure(error);
    computing.end(told);
    throw told;
  }
}

const Body = z.looseObject({ choices: z.array(z.looseObject({})).min(1) });

/**
 * The other server's answer with a score in each choice, under the guard that the request asks for.
 * @throws ApiError 400, 404, 429, 502, and 503 when our own copy of the model dies
 */
export async function wholeAnswer(
  context: ServerContext,
  upstream: Upstream,
  request: ProxyRequest,
  signal: AbortSignal,
): Promise<{ choices: Record<string, unknown>[]; [key: string]: unknown }> {
  const { path, onRisk, greedy, n, seed } = request;
  const { stream_options: _, ...body } = request.body;
  const ask = async (more: object) => {
    const raw = await upstream.whole(path, { ...body, stream: false, ...more }, signal);
    return readChoices(upstream, request.kind, raw);
  };
  const first = await ask({});
  const score = async (choice: ForeignChoice, index: number): Promise<ForeignChoice> => {
    if (!request.risk) return choice;
    return {
      ...choice,
      risk: await scoreAnswer(context, request, request.risk, index, choice.answer, signal),
    };
  };
  const choices: Record<string, unknown>[] = [];
  for (const [i, choice] of first.choices.entries()) {
    signal.throwIfAborted();
    const result = await guarded(
      {
        mode: onRisk,
        threshold: context.settings.threshold,
        // Its neurons cannot be scaled from here.
        temperature: 1,
        retries: greedy || request.prompts.length > 1 ? 0 : GUARD_RETRIES,
      },
      async ({ attempt }) => {
        // A seed of its own for each, and none that a server may have given to one of the n, counting up.
        const other = n - 1 + i * GUARD_RETRIES + attempt;
        // Beyond 2^53 adding would change nothing.
        const again = { n: 1, ...(seed !== undefined && { seed: (seed % 2 ** 32) + other }) };
        const answer = await score(attempt === 0 ? choice : (await ask(again)).choices[0], i);
        return { ...answer, probability: answer.risk?.probability ?? null };
      },
    );
    choices.push(shownChoice(request, i, result));
  }
  return { ...first.raw, choices };
}

/** One choice as the client gets it. */
function shownChoice(
  { kind, onRisk }: ProxyRequest,
  index: number,
  { answer, retries, abstained }: { answer: ForeignChoice; retries: number; abstained: boolean },
): Record<string, unknown> {
  const { raw, risk } = answer;
  if (!risk) return { ...raw, index };
  const hneurons = {
    ...risk,
    ...(onRisk === 'retry' && { retries }),
    ...(onRisk === 'abstain' && { abstained }),
  };
  if (!abstained) return { ...raw, index, hneurons };
  const held =
    kind === 'chat'
      ? { message: { role: 'assistant', content: ABSTENTION, refusal: null } }
      : { text: ABSTENTION };
  return { index, ...held, logprobs: null, finish_reason: 'stop', hneurons };
}

/** Choices by the index that the server gives them, where it gives one to each. */
function inOrder<T extends Record<string, unknown>>(choices: T[]): T[] {
  if (!choices.every(({ index }) => Number.isInteger(index))) return choices;
  return [...choices].sort((a, b) => (a.index as number) - (b.index as number));
}

function readChoices(upstream: Upstream, kind: ProxyRequest['kind'], raw: unknown) {
  const body = Body.safeParse(raw);
  if (!body.success) throw nonsense(upstream.host, 'an answer without choices');
  const choices = inOrder(body.data.choices).map((choice, i): ForeignChoice => {
    const said = foreignContent(kind, choice);
    const hasText = ['message', 'text'].some((field) => choice[field] !== undefined);
    if (!hasText || said === undefined)
      throw nonsense(upstream.host, `an answer without a usable text in choice ${i}`);
    // The other server may score too, by a detector of its own.
    const { hneurons: _, ...raw } = choice;
    const message = kind === 'chat' && !raw.message && { message: { role: 'assistant', content: said.text } };
    const answer = { ...said, ending: endingOf(choice.finish_reason) };
    return { raw: { ...raw, ...message }, answer };
  });
  return { raw: body.data, choices };
}
