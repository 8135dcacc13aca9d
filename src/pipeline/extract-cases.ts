import { z } from 'zod';
import { tooLong as tooManyTokens } from '../engine/text/length.js';
import type { Engine } from '../engine/types.js';
import { UserError } from '../errors.js';
import { readJsonl } from '../formats/jsonl.js';
import { MAX_QUESTION, tooLong } from '../questions/limits.js';
import { type FeatureType, showsResidual, type WrittenFeatures, writePlan } from './feature-file.js';
import { hashText, stableJson } from './fingerprint.js';
import { locateQuestions } from './question-span.js';
import { casePlan, type ReadableCase } from './read-plan.js';
import { tokenizeSequences } from './sequence.js';
import { lockShard, type Shard, writeShard } from './shards.js';
import { tokensOf } from './token-spans.js';

/** Bytes of a line: a million tokens are less. */
const LONGEST_CASE = 1 << 23;

const TokensSchema = z.object({
  token_ids: z.array(z.int().min(0)).min(1),
  answer_start: z.int().min(0),
  answer_end: z.int().min(0),
  question_start: z.int().min(0).nullish(),
  question_end: z.int().min(0).nullish(),
});
const TextSchema = z.object({
  prompt: z.string(),
  response: z.string(),
  answer: z.string().min(1),
  question: z.string().optional(),
});

type CaseText = z.infer<typeof TextSchema> & { line: number };

/**
 * Reads the user's cases: each line has `token_ids`, `answer_start`, `answer_end` (positions, the end not included), or
 * `prompt`, `response` (with an end-of-turn marker, if it is to be read too) and the `answer` within the response. Both may tell
 * the question: `question_start` and `question_end`, or `question`, a part of the prompt (the last place where it stands).
 * @throws UserError that names file, line and reason.
 */
export async function loadCases(path: string, engine: Engine): Promise<ReadableCase[]> {
  const cases: ReadableCase[] = [];
  const texts: (CaseText & { at: number })[] = [];
  const bad = (line: number, reason: string) => new UserError(`${path}, line ${line}: ${reason}`);
  for await (const { line, value } of readJsonl(path, { longest: LONGEST_CASE })) {
    const id = String(line);
    const tokens = TokensSchema.safeParse(value);
    if (tokens.success) {
      const { token_ids, answer_start, answer_end } = tokens.data;
      if (answer_start >= answer_end || answer_end > token_ids.length) {
        throw bad(
          line,
          `the answer, tokens ${answer_start} to ${answer_end}, is not within the ${token_ids.length} tokens`,
        );
      }
      const unknown = token_ids.find((token) => token >= engine.model.vocab);
      if (unknown !== undefined)
        throw bad(line, `token ${unknown} is not in the vocabulary of ${engine.model.vocab}`);
      const { contextLength } = engine.model;
      if (token_ids.length > contextLength) {
        throw bad(line, `it ${tooManyTokens({ tokens: token_ids.length }, contextLength)}`);
      }
      const { question_start, question_end } = tokens.data;
      const known = typeof question_start === 'number' && typeof question_end === 'number';
      if (known && (question_start >= question_end || question_end > token_ids.length)) {
        throw bad(
          line,
          `the question, tokens ${question_start} to ${question_end}, is not within the ${token_ids.length} tokens`,
        );
      }
      cases.push({ id, token_ids, answer_start, answer_end, question_start, question_end });
      continue;
    }
    const text = TextSchema.safeParse(value);
    if (!text.success) {
      throw bad(
        line,
        'it needs prompt, response and answer as text, or token_ids, answer_start and answer_end',
      );
    }
    for (const key of ['prompt', 'response'] as const) {
      if (text.data[key].length > MAX_QUESTION) throw bad(line, `its ${key} ${tooLong(MAX_QUESTION)}`);
    }
    if (!text.data.response.includes(text.data.answer)) {
      throw bad(line, `the answer ${JSON.stringify(text.data.answer)} is not in the response`);
    }
    texts.push({ ...text.data, line, at: cases.length });
    cases.push({ id, token_ids: [], answer_start: 0, answer_end: 0 });
  }
  if (cases.length === 0) throw new UserError(`${path} holds no case`);
  const sequences = await tokenizeSequences(engine, texts, { special: true, bos: true }, (text, why) => {
    throw bad(texts[text].line, `its prompt with the response ${why}`);
  });
  const places = await locateQuestions(
    engine,
    texts.map(({ question = '' }, i) => ({
      question,
      prompt: sequences[i]?.tokens.subarray(0, sequences[i].responseStart) ?? [],
    })),
  );
  texts.forEach(({ response, answer, line, at }, i) => {
    const sequence = sequences[i];
    const start = response.indexOf(answer);
    const tokens = sequence && tokensOf(sequence.spans, start, start + answer.length);
    if (!sequence || !tokens) {
      throw bad(
        line,
        'the tokenizer changes this text, so the answer cannot be found; give token_ids instead',
      );
    }
    cases[at] = {
      id: String(line),
      token_ids: sequence.tokens,
      answer_start: sequence.responseStart + tokens.start,
      answer_end: sequence.responseStart + tokens.end,
      ...places[i],
    };
  });
  return cases;
}

/**
 * `hneurons extract --cases`: the features of any cases, without a run folder. Called again after it was cut off, it goes
 * on with the rows that are missing.
 */
export async function extractCases(options: {
  engine: Engine;
  modelHash: string;
  casesPath: string;
  out: string;
  features: FeatureType;
  /** One part alone, into a file of its own. */
  shard?: Shard;
  onProgress: (done: number, total: number) => void;
  onNotice: (message: string) => void;
}): Promise<WrittenFeatures> {
  const { engine, casesPath, out, features: type, shard, onProgress } = options;
  const cases = await loadCases(casesPath, engine);
  const key = hashText(stableJson({ model: options.modelHash, cases: cases.map(readPart) }));
  const question = cases.some((one) => typeof one.question_start === 'number');
  const plan = casePlan(cases, { question, residual: await showsResidual(engine) });
  const metadata = { key };
  if (!shard) {
    return writePlan(engine, plan, { path: out, donePath: `${out}.done.jsonl`, type, metadata }, onProgress);
  }
  const release = lockShard(out, shard);
  try {
    return await writeShard({ ...options, plan, shard, type, metadata });
  } finally {
    release();
  }
}

/** What of a case decides its features. */
function readPart({ token_ids, answer_start, answer_end, question_start, question_end }: ReadableCase) {
  return [Array.from(token_ids), answer_start, answer_end, question_start ?? null, question_end ?? null];
}
