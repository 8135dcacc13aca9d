import { z } from 'zod';
import type { Computing } from './computing.js';
import type { ApiError } from './errors.js';
import { createEventStream, eventText } from './event-stream.js';
import { type ProxyRequest, scoreAnswer } from './proxy-answer.js';
import { wholeAnswer } from './proxy-route.js';
import { stopWhenGone } from './scope.js';
import type { ServerContext } from './types.js';
import { nonsense, type Upstream } from './upstream.js';

const Chunk = z.looseObject({
  choices: z
    .array(
      z.looseObject({
        index: z
          .int()
          .min(0)
          .max(1 << 16)
          .default(0),
        delta: z.looseObject({ content: z.string().nullish() }).nullish(),
        text: z.string().nullish(),
        finish_reason: z.string().nullish(),
      }),
    )
    // A chunk that has nothing but the usage may do without.
    .default([]),
});

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

/** Chunks as they come, with the score in the one that ends each choice. */
async function* passedOn(
  context: ServerContext,
  upstream: Upstream,
  request: ProxyRequest,
  signal: AbortSignal,
): AsyncGenerator<object, void> {
  const { kind, path, body, risk, prompts, n } = request;
  const texts = new Map<number, string>();
  const ended = new Set<number>();
  for await (const raw of upstream.events(path, body, signal)) {
    const parsed = Chunk.safeParse(raw);
    if (!parsed.success) throw nonsense(upstream.host, 'an event that is no part of an answer');
    const chunk = parsed.data;
    for (const choice of chunk.choices) {
      const { index, delta, text, finish_reason } = choice;
      const whole = (texts.get(index) ?? '') + ((kind === 'chat' ? delta?.content : text) ?? '');
      texts.set(index, whole);
      // The other server may score too, by a detector of its own.
      delete choice.hneurons;
      if (finish_reason == null || ended.has(index)) continue;
      ended.add(index);
      if (!risk) continue;
      const prompt = prompts[Math.floor(index / n)];
      choice.hneurons = await scoreAnswer(context, risk, prompt, whole, signal);
    }
    yield chunk;
  }
  if (ended.size === 0 || ended.size < texts.size) {
    throw nonsense(upstream.host, 'a stream that ended before the answer did');
  }
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
