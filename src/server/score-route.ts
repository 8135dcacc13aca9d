import { promptStyle } from '../engine/text/prompt.js';
import { UserError } from '../errors.js';
import { askedModel } from '../pipeline/detector.js';
import { FEW_SHOT } from '../questions/few-shot.js';
import { type AnswerRisk, scoreWritten, type WrittenAnswer } from '../risk/index.js';
import { checkModel } from './answers-route.js';
import { beginComputing, type HonoContext } from './computing.js';
import { ApiError, invalid, maximumContext } from './errors.js';
import { readBody } from './read-body.js';
import { parseScoreBody, type ScoreItem } from './schemas.js';
import { untilAborted } from './scope.js';
import type { ServedDetector, ServerContext } from './types.js';

/** Read together, with what their prompts share run once. */
const BATCH = 8;

/** `POST /v1/score`: what the detector says about answers that stand already. */
export async function scoreRoute(context: ServerContext, c: HonoContext): Promise<Response> {
  const { served } = context;
  if (!served)
    throw new ApiError(404, 'this server has no detector: start it with --detector', { code: 'no_detector' });
  const body = await readBody(c, context.settings.maxBody);
  const { items, model } = parseScoreBody(body);
  const isList = items.length > 1 || 'items' in (body as object);
  checkModel(context, model);
  const computing = beginComputing(context, c, 1);
  const { signal } = computing.scope;
  const work = scoreItems(context, served, items, signal);
  try {
    const results = await untilAborted(work, signal);
    const [first] = results;
    // A list has its errors item by item; a single item is answered as a request of its own.
    if (!isList && first instanceof ApiError) throw first;
    computing.end();
    return c.json({ results: results.map((one) => (one instanceof ApiError ? one.body() : one)) });
  } catch (error) {
    const told = computing.failure(error);
    // Its place is free when nothing is computed for it any more.
    const end = () => computing.end(told);
    void work.then(end, end);
    throw told;
  }
}

/** What the detector says about each item, or why it says nothing: one item that is wrong leaves the others their scores. */
async function scoreItems(
  context: ServerContext,
  { detector, heldOut }: ServedDetector,
  items: readonly (ScoreItem | ApiError)[],
  signal: AbortSignal,
): Promise<(AnswerRisk | ApiError)[]> {
  const { backend, prompts, settings } = context;
  const style = promptStyle(askedModel(backend.model, detector), detector.promptStyle, FEW_SHOT);
  const answers = await Promise.all(
    items.map(async (item, i): Promise<WrittenAnswer | ApiError> => {
      if (item instanceof ApiError) return item;
      try {
        const prompt =
          'question' in item
            ? await style.text(item.question)
            : (await prompts.ofMessages(item.messages)).text;
        return { prompt, answer: item.answer };
      } catch (error) {
        // The template of the model refuses this conversation.
        if (error instanceof UserError) return invalid(`items.${i}: ${error.message}`, `items.${i}`);
        throw error;
      }
    }),
  );
  const risk = { detector, heldOut, threshold: settings.threshold };
  const results: (AnswerRisk | ApiError)[] = [];
  for (let from = 0; from < answers.length; from += BATCH) {
    signal.throwIfAborted();
    const batch = await checkLengths(context, answers.slice(from, from + BATCH), style.tokenize, from);
    const right = batch.flatMap((one) => (one instanceof ApiError ? [] : [one]));
    const risks =
      right.length === 0
        ? []
        : await backend.call((engine) => scoreWritten(engine, risk, right, style.tokenize, signal));
    let next = 0;
    batch.forEach((one, i) => {
      const place = `items.${from + i}`;
      const unspelt = () => invalid(`${place}: the tokens of the model cannot spell this answer`, place);
      results.push(one instanceof ApiError ? one : (risks[next++] ?? unspelt()));
    });
  }
  return results;
}

/** The answers, with an error in place of each that is too long together with its prompt. */
async function checkLengths(
  { backend, settings }: ServerContext,
  answers: readonly (WrittenAnswer | ApiError)[],
  tokenize: { special: boolean; bos: boolean },
  first: number,
): Promise<(WrittenAnswer | ApiError)[]> {
  const { contextTokens } = settings;
  const tooLong = (i: number) =>
    invalid(
      `items.${first + i}: prompt and answer are too long: ${maximumContext(contextTokens)}`,
      `items.${first + i}`,
      'context_length_exceeded',
    );
  // Not even tokenised where each token would have to be longer than any is.
  const checked = answers.map((one, i) =>
    !(one instanceof ApiError) && one.prompt.length + one.answer.length > 64 * contextTokens
      ? tooLong(i)
      : one,
  );
  const texts = checked.flatMap((one) => (one instanceof ApiError ? [] : [one.prompt + one.answer]));
  const tokens = await backend.call((engine) => engine.tokenize(texts, tokenize));
  let next = 0;
  return checked.map((one, i) => {
    if (one instanceof ApiError) return one;
    return tokens[next++].length > contextTokens ? tooLong(i) : one;
  });
}
