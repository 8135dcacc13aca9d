import { guardedChoice, type Usage } from './choice.js';
import { asApiError, beginComputing, type HonoContext } from './computing.js';
import { noModel } from './errors.js';
import { chatGeneration, completionGeneration, type Generation } from './generation.js';
import { readBody } from './read-body.js';
import { ChatSchema, CompletionSchema, parseBody } from './schemas.js';
import { untilAborted } from './scope.js';
import { promptTokens, streamAnswers } from './streaming.js';
import type { ServerContext } from './types.js';
import { envelope, wholeBody } from './wire.js';

/** `POST /v1/chat/completions`. */
export async function chatRoute(context: ServerContext, c: HonoContext): Promise<Response> {
  const body = parseBody(ChatSchema, await readBody(c, context.settings.maxBody));
  checkModel(context, body.model);
  return answer(context, c, body.n ?? 1, () => chatGeneration(context, body));
}

/** `POST /v1/completions`. */
export async function completionRoute(context: ServerContext, c: HonoContext): Promise<Response> {
  const body = parseBody(CompletionSchema, await readBody(c, context.settings.maxBody));
  checkModel(context, body.model);
  const { prompt } = body;
  const prompts = Array.isArray(prompt) && typeof prompt[0] !== 'number' ? prompt.length : 1;
  return answer(context, c, prompts * (body.n ?? 1), () => completionGeneration(context, body));
}

/** @throws ApiError 404 for a model that is not served; without a name the one that is there is meant */
export function checkModel({ model }: ServerContext, name: string | null | undefined): void {
  if (name == null || name === model.name) return;
  throw noModel(name, model.name);
}

async function answer(
  context: ServerContext,
  c: HonoContext,
  count: number,
  prepare: () => Promise<Generation>,
): Promise<Response> {
  const computing = beginComputing(context, c, count);
  const { scope } = computing;
  try {
    const generation = await untilAborted(prepare(), scope.signal);
    if (generation.stream) {
      const cutOff = () => c.env?.outgoing?.destroy();
      return c.body(streamAnswers(context, generation, computing, cutOff), 200, {
        'Content-Type': 'text/event-stream; charset=utf-8',
        'Cache-Control': 'no-store',
        'X-Accel-Buffering': 'no',
        // Also makes the adapter send the head at once.
        'Transfer-Encoding': 'chunked',
      });
    }
    const usage: Usage = { prompt: promptTokens(generation), cached: 0, generated: 0 };
    const writing = Array.from({ length: count }, (_, index) =>
      guardedChoice(context, generation, index, scope.signal, usage),
    );
    const choices = await Promise.all(writing).catch((error) => {
      // The other answers of the request are of no use any more.
      scope.abort(asApiError(error));
      throw error;
    });
    computing.end();
    return c.json(wholeBody(envelope(generation, context.model.name), choices, usage));
  } catch (error) {
    const told = computing.failure(error);
    computing.end(told);
    throw told;
  }
}
