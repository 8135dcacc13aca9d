import { z } from 'zod';
import { endingOf } from '../endpoint/finish.js';
import type { Computing } from './computing.js';
import type { ApiError } from './errors.js';
import { createEventStream, eventText } from './event-stream.js';
import { type ForeignAnswer, foreignContent, type ProxyRequest, scoreAnswer } from './proxy-answer.js';
import { wholeAnswer } from './proxy-route.js';
import { stopWhenGone } from './scope.js';
import type { ServerContext } from './types.js';
import { nonsense, type Upstream } from './upstream.js';

const index = z
  .int()
  .min(0)
  .max(1 << 16)
  .optional();
/** Usage comes with an empty list of choices, null, or none. */
const Chunk = z.looseObject({ choices: z.array(z.looseObject({ index })).nullish() });

/**
 * The other server's stream as it comes; the chunk that ends a choice waits for its score. Under a guard nothing goes out before
 * it has decided. What goes wrong before the first event is thrown, later it comes as an event that ends the stream.
 *
 * @param cutOff closes the connection of a client that does not read
 */
export async function proxyStream(
  context: ServerContext,
  upstream: Upstream,
  request: ProxyRequest,
  { scope, failure, end }: Computing,
  cutOff: () => void,
): Promise<ReadableStream<Uint8Array>> {
  const events =
    request.onRisk === 'annotate'
      ? passedOn(context, upstream, request, scope.signal)
      : heldBack(context, upstream, request, scope.signal);
  // A refusal shall have its own status.
  let next = await events.next();
  let waiting = '';
  const stream = createEventStream(
    {
      take() {
        const taken = waiting;
        waiting = '';
        return taken;
      },
      onGone: stopWhenGone(scope, cutOff),
    },
    context.settings.stallMs,
  );
  const run = async () => {
    let error: ApiError | undefined;
    try {
      while (!next.done) {
        waiting += eventText(next.value);
        stream.wake();
        next = await events.next();
      }
      waiting += eventText('[DONE]');
    } catch (cause) {
      error = failure(cause);
      waiting += eventText(error.body());
      scope.abort(error);
    }
    stream.end();
    end(error);
  };
  void run();
  return stream.body;
}

/** A choice while its text comes. */
interface OpenChoice extends ForeignAnswer {
  ended: boolean;
}

/** Chunks as they come, with the score in the one that ends each choice. */
async function* passedOn(
  context: ServerContext,
  upstream: Upstream,
  request: ProxyRequest,
  signal: AbortSignal,
): AsyncGenerator<object, void> {
  const { path, body, risk } = request;
  const open = new Map<number, OpenChoice>();
  const scored = (at: number, answer: ForeignAnswer) =>
    risk && scoreAnswer(context, request, risk, at, answer, signal);
  let shell: object = {};
  const events = upstream.events(path, body, signal);
  let next = await events.next();
  for (; !next.done; next = await events.next()) {
    const parsed = Chunk.safeParse(next.value);
    if (!parsed.success) throw nonsense(upstream.host, 'an event that is no part of an answer');
    const chunk = parsed.data;
    // What has neither choices nor usage is a sign of life.
    if (!chunk.choices && chunk.usage === undefined) continue;
    const choices: Record<string, unknown>[] = [];
    for (const [i, choice] of (chunk.choices ?? []).entries()) {
      const { at, said } = addPart(upstream, request.kind, open, choice, i);
      choices.push({ ...passedPart(request.kind, choice), index: at });
      const isEnd = said.ending !== undefined && !said.ended;
      if (!isEnd) continue;
      said.ended = true;
      const hneurons = await scored(at, said);
      if (hneurons) choices[choices.length - 1].hneurons = hneurons;
    }
    const { choices: _, usage: __, ...rest } = chunk;
    shell = rest;
    yield { ...chunk, choices };
  }
  const unended = [...open].filter(([, { ended }]) => !ended);
  if (open.size === 0 || (unended.length > 0 && !next.value)) {
    throw nonsense(upstream.host, 'a stream that ended before the answer did');
  }
  // It says that it is done, but not how an answer ended.
  for (const [at, said] of unended) {
    const empty = request.kind === 'chat' ? { delta: {} } : { text: '' };
    const hneurons = await scored(at, said);
    yield {
      ...shell,
      choices: [{ index: at, ...empty, finish_reason: null, ...(hneurons && { hneurons }) }],
    };
  }
}

/** Adds a part to its choice. @throws ApiError for one in an unknown form, and for text behind the end */
function addPart(
  upstream: Upstream,
  kind: ProxyRequest['kind'],
  open: Map<number, OpenChoice>,
  choice: Record<string, unknown>,
  place: number,
): { at: number; said: OpenChoice } {
  const at = (choice.index as number | undefined) ?? place;
  const said = open.get(at) ?? { text: '', thought: false, ending: undefined, ended: false };
  open.set(at, said);
  const part = foreignContent(kind, choice);
  if (part === undefined) throw nonsense(upstream.host, 'an event that is no part of an answer');
  if (said.ended && part.text !== '') throw nonsense(upstream.host, 'more of an answer after its end');
  said.text += part.text;
  said.thought ||= part.thought;
  said.ending ??= endingOf(choice.finish_reason);
  return { at, said };
}

/** A part as the client gets it: in OpenAI's form, and without the score of a detector that the other server may have. */
function passedPart(kind: ProxyRequest['kind'], choice: Record<string, unknown>): Record<string, unknown> {
  const { hneurons: _, message, ...part } = choice;
  const finish_reason = endingOf(choice.finish_reason) === undefined ? null : choice.finish_reason;
  const hasDelta = typeof part.delta === 'object' && part.delta !== null;
  const delta = kind === 'chat' && !hasDelta && { delta: message ?? { content: part.text ?? '' } };
  return { ...part, ...delta, finish_reason };
}

/** The whole answer, once the guard has let it pass, in as few chunks as there can be. */
async function* heldBack(
  context: ServerContext,
  upstream: Upstream,
  request: ProxyRequest,
  signal: AbortSignal,
): AsyncGenerator<object, void> {
  const { kind, includeUsage } = request;
  const { choices, usage, ...shell } = await wholeAnswer(context, upstream, request, signal);
  const head = { ...shell, object: kind === 'chat' ? 'chat.completion.chunk' : 'text_completion' };
  for (const { message, text, finish_reason, hneurons, index, logprobs } of choices) {
    const part = kind === 'chat' ? { delta: message } : { text };
    yield { ...head, choices: [{ index, ...part, logprobs: logprobs ?? null, finish_reason: null }] };
    const empty = kind === 'chat' ? { delta: {} } : { text: '' };
    yield { ...head, choices: [{ index, ...empty, logprobs: null, finish_reason, hneurons }] };
  }
  if (includeUsage) yield { ...head, choices: [], usage: usage ?? null };
}
