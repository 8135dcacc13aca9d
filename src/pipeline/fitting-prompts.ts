import { tokenizeBounded, tooLong } from '../engine/text/length.js';
import type { PromptStyle } from '../engine/text/prompt.js';
import type { Engine } from '../engine/types.js';
import { UserError } from '../errors.js';

/** A prompt as tokens, or why it cannot be asked. */
export type FittingPrompt =
  | { tokens: Int32Array; failure?: undefined }
  | { tokens?: undefined; failure: string };

/**
 * Tokenises prompts, and says which of them do not fit into the model's context with `maxTokens` of an answer.
 * @throws UserError when none of them fits
 */
export async function fittingPrompts(
  engine: Engine,
  texts: readonly string[],
  style: Pick<PromptStyle, 'kind' | 'tokenize'>,
  maxTokens: number,
): Promise<FittingPrompt[]> {
  const { contextLength } = engine.model;
  const all = await tokenizeBounded(engine, texts, style.tokenize);
  const prompts = all.map((tokens, i): FittingPrompt => {
    if (tokens && tokens.length + maxTokens <= contextLength) return { tokens };
    const length = tokens ? { tokens: tokens.length } : { text: texts[i] };
    return { failure: `its prompt ${tooLong(length, contextLength)}` };
  });
  if (prompts.length > 0 && prompts.every(({ failure }) => failure !== undefined)) {
    const lengths = all.flatMap((tokens) => tokens?.length ?? []);
    const shortest = lengths.reduce((least, length) => Math.min(least, length), Number.POSITIVE_INFINITY);
    const size = lengths.length > 0 ? `${shortest} tokens and more` : 'too many bytes';
    throw new UserError(
      `the ${style.kind} prompts have ${size}, and with up to ${maxTokens} of an answer do not fit into ` +
        `the model's context of ${contextLength}: take ${style.kind === 'few-shot' ? 'plain prompts, ' : ''}fewer tokens for an answer, or another model`,
    );
  }
  return prompts;
}
