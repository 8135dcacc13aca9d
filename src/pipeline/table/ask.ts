import { tokenizeBounded } from '../../engine/text/length.js';
import { commonPrefix, promptStyle } from '../../engine/text/prompt.js';
import { finalAnswer, opensThought } from '../../engine/text/thought.js';
import type { Engine } from '../../engine/types.js';
import { openJsonlWriter } from '../../formats/jsonl.js';
import { createFabricatedJudge } from '../../judge/fabricated.js';
import type { Span } from '../../judge/span.js';
import type { Judge, Judgement, SpanExtractor } from '../../judge/types.js';
import { FEW_SHOT } from '../../questions/few-shot.js';
import { guardCallbacks } from '../context.js';
import { createThoughtCheck } from '../endings.js';
import type { CollectSettings } from '../settings.js';
import { tokenSpans, tokensOf } from '../token-spans.js';
import { readAnswers, type StoredAnswer } from './answers-file.js';
import { MatchCounter } from './matched.js';
import type { TableSet } from './set.js';
import type { GroupedQuestion } from './unseen.js';

/** Questions that are asked, judged and counted together. */
const BATCH = 128;

/** Own tokens of a prompt, beyond what all share, that fit into any sampling context beside a response. */
const LONGEST_PROMPT = 900;

export type TableSampling = Pick<
  CollectSettings,
  'temperature' | 'topK' | 'topP' | 'minP' | 'maxTokens' | 'promptStyle' | 'seed'
>;

/** How answers are judged and located. */
export interface TableJudging {
  judge: Judge;
  spans: SpanExtractor;
  /** Phrases that make a response uncertain; with fabricated questions, a refusal. */
  markers: readonly string[];
}

/** A question with its one answer. */
export interface Answer {
  question: GroupedQuestion;
  /** Prompt and response. */
  tokens: Int32Array;
  sample: StoredAnswer;
  judgement: Judgement;
  /** The answer itself within the response, and its tokens as positions in `tokens`; undefined when there is none to read. */
  span?: Span;
  answerTokens?: { start: number; end: number };
}

export interface Asked {
  /** In the order of asking. */
  answers: Answer[];
  /** Questions that could not be asked. */
  skipped: { question: GroupedQuestion; reason: string }[];
}

/**
 * Asks the questions of a data set in order, one sample each, judges the answers, and stops when the first row of the set has
 * `quota` matched samples of each class. Answers are appended to `path` as they come; those that are there already are not
 * asked for again.
 */
export async function askSet(options: {
  engine: Engine;
  set: TableSet;
  settings: TableSampling;
  quota: number;
  judging: TableJudging;
  path: string;
  signal?: AbortSignal;
  onProgress: (asked: number, matched: number) => void;
}): Promise<Asked> {
  const { engine, set, settings, quota, judging, path, signal } = options;
  const stored = await readAnswers(path);
  const style = promptStyle(engine.model, settings.promptStyle, FEW_SHOT);
  const writer = openJsonlWriter(path);
  const checkThoughts = createThoughtCheck(settings);
  const counter = new MatchCounter();
  const asked: Asked = { answers: [], skipped: [] };
  try {
    for (let from = 0; from < set.questions.length && counter.matched < quota; from += BATCH) {
      signal?.throwIfAborted();
      const batch = set.questions.slice(from, from + BATCH);
      const texts = await Promise.all(batch.map(({ question }) => style.text(question)));
      const opened = opensThought(texts[0]);
      // A text of too many bytes is usable no more than one of too many tokens.
      const bounded = await tokenizeBounded(engine, texts, style.tokenize);
      const prompts = bounded.map((tokens) => tokens ?? new Int32Array());
      const shared = commonPrefix(bounded.flatMap((tokens) => tokens ?? []));
      const most = Math.min(LONGEST_PROMPT, engine.model.contextLength - shared.length - settings.maxTokens);
      const usable = bounded.map((tokens) => tokens !== undefined && tokens.length - shared.length <= most);
      const missing = batch.flatMap((question, i) =>
        usable[i] && stored.get(question.id)?.question !== question.question ? [i] : [],
      );
      await sampleBatch({
        engine,
        settings,
        stop: style.stop,
        prefix: shared,
        items: missing.map((i) => ({ question: batch[i], prompt: prompts[i] })),
        onAnswer: (answer) => {
          writer.append(answer);
          stored.set(answer.id, answer);
          checkThoughts(finalAnswer(answer.text, opened) === undefined);
          options.onProgress(stored.size, counter.matched);
        },
      });
      const answered = batch.flatMap((question, i) => {
        if (usable[i]) return [{ question, prompt: prompts[i], sample: stored.get(question.id)! }];
        const size = bounded[i] ? `${prompts[i].length} tokens` : `${Buffer.byteLength(texts[i])} bytes`;
        asked.skipped.push({ question, reason: `the prompt has ${size}` });
        return [];
      });
      const judgements = await judgeBatch(judging, answered, opened);
      const located = await locateAnswers(engine, judging.spans, answered, judgements);
      answered.forEach(({ question, sample }, i) => {
        const answer = { question, sample, judgement: judgements[i], ...located[i] };
        asked.answers.push(answer);
        const kind = set.rows[0].classOf(judged(answer));
        if (kind && answer.answerTokens) counter.add({ relation: question.relation, class: kind });
      });
      options.onProgress(asked.answers.length, counter.matched);
    }
    return asked;
  } finally {
    writer.close();
  }
}

/** What rows sort an answer by. */
export function judged({ question, judgement }: Pick<Answer, 'question' | 'judgement'>) {
  return { fabricated: question.kind === 'fabricated', verdict: judgement.verdict };
}

async function sampleBatch(options: {
  engine: Engine;
  settings: TableSampling;
  stop: string[];
  prefix: Int32Array;
  items: { question: GroupedQuestion; prompt: Int32Array }[];
  onAnswer: (answer: StoredAnswer) => void;
}): Promise<void> {
  const { engine, settings, items } = options;
  if (items.length === 0) return;
  const { temperature, topK, topP, minP, maxTokens, seed } = settings;
  const byId = new Map(items.map(({ question }) => [question.id, question]));
  const { guard, rethrow } = guardCallbacks();
  let next = 0;
  try {
    await engine.sample({
      settings: { temperature, topK, topP, minP, maxTokens, seed, stop: options.stop },
      prefix: options.prefix,
      next: guard(() => {
        const item = items[next++];
        return item && { id: item.question.id, prompt: item.prompt, samples: 1 };
      }, undefined),
      onResult: guard(({ id, samples: [sample] }) => {
        const { text, tokens, logProbability, finish, endLogProbability } = sample;
        const { question } = byId.get(id)!;
        options.onAnswer({ id, question, text, tokens, logProbability, finish, endLogProbability });
      }, undefined),
    });
  } finally {
    rethrow();
  }
}

/**
 * Verdicts in order. About what does not exist a rule decides, whoever judges the rest: there is nothing to compare with.
 * @param opened true if the prompts open a thought: an answer that does not leave it is not judged
 */
async function judgeBatch(
  { judge, markers }: TableJudging,
  items: { question: GroupedQuestion; sample: StoredAnswer }[],
  opened: boolean,
): Promise<Judgement[]> {
  const isFinished = ({ text }: StoredAnswer) => finalAnswer(text, opened) !== undefined;
  const real = items.filter(({ question, sample }) => question.kind !== 'fabricated' && isFinished(sample));
  const judgements = await judge.judge(
    real.map(({ question: { question, aliases }, sample }) => ({ question, aliases, response: sample.text })),
  );
  const judgeFabricated = createFabricatedJudge(markers);
  let at = 0;
  return items.map(({ question, sample }) => {
    if (!isFinished(sample)) return { verdict: 'failed', judge: 'rule' };
    return question.kind === 'fabricated'
      ? { verdict: judgeFabricated(sample.text), judge: 'rule' }
      : judgements[at++];
  });
}

/** Where the answer lies in each response that is right or wrong (method.md section 2), as text and as tokens. */
async function locateAnswers(
  engine: Engine,
  extractor: SpanExtractor,
  items: { question: GroupedQuestion; prompt: Int32Array; sample: StoredAnswer }[],
  judgements: readonly Judgement[],
): Promise<Pick<Answer, 'tokens' | 'span' | 'answerTokens'>[]> {
  const answers = (_: unknown, i: number) => ['correct', 'wrong'].includes(judgements[i].verdict);
  const found = await extractor.spans(
    items.filter(answers).map(({ question: { question }, sample }) => ({ question, response: sample.text })),
  );
  const pieces = await engine.pieces(items.flatMap(({ sample }) => sample.tokens));
  let at = 0;
  let next = 0;
  return items.map(({ prompt, sample }, i) => {
    const { spans } = tokenSpans(pieces.slice(at, at + sample.tokens.length));
    at += sample.tokens.length;
    const span = answers(undefined, i) ? found[next++] : undefined;
    const within = span && tokensOf(spans, span.start, span.end);
    return {
      tokens: Int32Array.from([...prompt, ...sample.tokens]),
      span,
      answerTokens: within && { start: prompt.length + within.start, end: prompt.length + within.end },
    };
  });
}
