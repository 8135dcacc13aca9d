import { promptStyle } from '../engine/text/prompt.js';
import { askedModel } from '../pipeline/detector.js';
import { FEW_SHOT } from '../questions/few-shot.js';
import { type AnswerRisk, scoreWritten, type WrittenAnswer } from '../risk/index.js';
import { checkModel } from './answers-route.js';
import { beginComputing, type HonoContext } from './computing.js';
import { ApiError, invalid } from './errors.js';
import { readBody } from './read-body.js';
import { parseBody, type ScoreItem, ScoreSchema } from './schemas.js';
import { untilAborted } from './scope.js';
import type { ServedDetector, ServerContext } from './types.js';

/** Read together, with what their prompts share run once. */
const BATCH = 8;

/** `POST /v1/score`: what the detector says about answers that stand already. */
export async function scoreRoute(context: ServerContext, c: HonoContext): Promise<Response> {
  const { served } = context;
  if (!served)
    throw new ApiError(404, 'this server has no detector: start it with --detector', { code: 'no_detector' });
  const { items, model } = parseBody(ScoreSchema, await readBody(c, context.settings.maxBody));
  checkModel(context, model);
  const computing = beginComputing(context, c, 1);
  const { signal } = computing.scope;
  const work = scoreItems(context, served, items, signal);
  try {
    const results = await untilAborted(work, signal);
    computing.end();
    return c.json({ results });
  } catch (error) {
    const told = computing.failure(error);
    // Its place is free when nothing is computed for it any more.
    const end = () => computing.end(told);
    void work.then(end, end);
    throw told;
  }
}

async function scoreItems(
  context: ServerContext,
  { detector, heldOut }: ServedDetector,
  items: readonly ScoreItem[],
  signal: AbortSignal,
): Promise<AnswerRisk[]> {
  const { backend, prompts, settings } = context;
  const style = promptStyle(askedModel(backend.model, detector), detector.promptStyle, FEW_SHOT);
  const answers = await Promise.all(
    items.map(async (item): Promise<WrittenAnswer> => {
      const prompt =
        'question' in item ? await style.text(item.question) : (await prompts.ofMessages(item.messages)).text;
      return { prompt, answer: item.answer };
    }),
  );
  const risk = { detector, heldOut, threshold: settings.threshold };
  const results: AnswerRisk[] = [];
  for (let from = 0; from < answers.length; from += BATCH) {
    const batch = answers.slice(from, from + BATCH);
    signal.throwIfAborted();
    await checkLength(context, batch, style.tokenize, from);
    const risks = await backend.call((engine) => scoreWritten(engine, risk, batch, style.tokenize, signal));
    risks.forEach((one, i) => {
      if (!one) throw invalid(`items.${from + i}: the tokens of the model cannot spell this answer`, 'items');
      results.push(one);
    });
  }
  return results;
}

/** @throws ApiError 400 for a prompt with an answer that are too long together */
async function checkLength(
  { backend, settings }: ServerContext,
  answers: WrittenAnswer[],
  tokenize: { special: boolean; bos: boolean },
  first: number,
): Promise<void> {
  const { contextTokens } = settings;
  const texts = answers.map(({ prompt, answer }) => prompt + answer);
  const tooLong = (i: number) =>
    invalid(
      `items.${first + i}: prompt and answer are longer than the ${contextTokens} tokens that this server takes`,
      'items',
      'context_length_exceeded',
    );
  const monster = texts.findIndex((text) => text.length > 64 * contextTokens);
  if (monster >= 0) throw tooLong(monster);
  const tokens = await backend.call((engine) => engine.tokenize(texts, tokenize));
  const long = tokens.findIndex(({ length }) => length > contextTokens);
  if (long >= 0) throw tooLong(long);
}
