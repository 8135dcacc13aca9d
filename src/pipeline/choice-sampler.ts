import { commonPrefix } from '../engine/text/prompt.js';
import { opensThought } from '../engine/text/thought.js';
import type { Engine, Sample } from '../engine/types.js';
import { UserError } from '../errors.js';
import { readLetter } from '../judge/letter.js';
import { letterOf } from '../questions/choice-shots.js';
import { choiceStyle } from './choice-prompt.js';
import { guardCallbacks } from './context.js';
import { fittingPrompts } from './fitting-prompts.js';
import type { ChoiceReading } from './responses.js';
import { type AskedSample, drawnSequences, type Sampler, type SamplingJob } from './sampler.js';
import type { CollectSettings } from './settings.js';
import type { SplitQuestion } from './split.js';

/** Questions that are asked together. */
const BATCH = 64;

/** How an answer letter is written in tokens. */
interface LetterTokens {
  text: string;
  tokens: number[];
}

type ChoiceStyle = ReturnType<typeof choiceStyle>;

interface Ready {
  question: SplitQuestion;
  prompt: Int32Array;
}

/**
 * Asks questions with options. Each is answered once, without chance, and read in two ways: the most likely letter after the
 * prompt, from the logits, and the letter in what the model says by itself (greedy). Both are recorded; the setting
 * `choice` says which one is judged and read. The logits (default) give an answer to every question, and the same token
 * in the same place for all; a small model often says something else than a letter.
 */
export async function openChoiceSampler(
  engine: Engine,
  questions: readonly SplitQuestion[],
  settings: CollectSettings,
): Promise<Sampler> {
  const style = choiceStyle(engine.model, settings.promptStyle);
  const texts = await Promise.all(questions.map(style.text));
  const fitting = await fittingPrompts(engine, texts, style, settings.maxTokens);
  const prompts = new Map(questions.map(({ id }, i) => [id, fitting[i]]));
  const most = questions.reduce((largest, { options }) => Math.max(largest, options!.length), 0);
  const letters = await letterTokens(
    engine,
    style,
    questions[fitting.findIndex(({ tokens }) => tokens)],
    most,
  );

  const ask = async (batch: Ready[], job: SamplingJob) => {
    const forced = await readLogits(engine, batch, letters);
    const greedy = await answerGreedily(engine, batch, style, settings);
    batch.forEach(({ question }, i) => {
      const { logProbabilities, likelihood } = forced[i];
      const said = greedy.get(question.id)!;
      const best = logProbabilities.indexOf(Math.max(...logProbabilities));
      const reading: ChoiceReading = {
        logProbabilities,
        logits: letterOf(best),
        greedyText: said.text,
        greedy: readLetter(said.text, question.options!.length)?.letter ?? null,
      };
      const byLogits = settings.choice !== 'greedy';
      const letter = byLogits ? reading.logits : reading.greedy;
      const sample: AskedSample = {
        index: 0,
        ...(byLogits
          ? { ...letters[best], finish: 'stop' as const, logProbability: likelihood, endLogProbability: 0 }
          : {
              text: said.text,
              tokens: said.tokens,
              finish: said.finish,
              logProbability: said.logProbability,
              endLogProbability: said.endLogProbability,
            }),
        verdict: letter === null ? 'uncertain' : letter === question.aliases[0] ? 'correct' : 'wrong',
        choice: reading,
      };
      job.onResult({ id: question.id, samples: [sample], stopped: false });
    });
  };
  return {
    async sample(job) {
      for (;;) {
        await job.ready?.();
        const batch: Ready[] = [];
        while (batch.length < BATCH) {
          const question = job.next();
          if (!question) break;
          const { tokens, failure } = prompts.get(question.id)!;
          if (tokens) batch.push({ question, prompt: tokens });
          else job.onResult({ id: question.id, samples: [], stopped: true, failure });
        }
        if (batch.length === 0) return undefined;
        await ask(batch, job);
      }
    },
    sequences: (items) =>
      drawnSequences(
        engine,
        items.map(({ question, sample }) => ({ prompt: prompts.get(question.id)!.tokens, sample })),
      ),
  };
}

/**
 * The tokens of each letter behind a prompt. They are the same behind every prompt, as all end alike.
 * @throws UserError for a tokenizer that writes letters in ways that cannot be compared.
 */
async function letterTokens(
  engine: Engine,
  style: ChoiceStyle,
  question: SplitQuestion,
  count: number,
): Promise<LetterTokens[]> {
  const prompt = await style.text(question);
  if (opensThought(prompt)) {
    throw new UserError(
      `the chat template of ${engine.model.name} opens a thought, and no letter can be read at its beginning: ` +
        'ask questions with options in the few-shot prompt style, or with another model',
    );
  }
  // "Answer:" is gone on with a space; a chat turn begins with the letter.
  const texts = Array.from({ length: count }, (_, i) => (style.kind === 'chat' ? '' : ' ') + letterOf(i));
  const [start, ...all] = await engine.tokenize(
    [prompt, ...texts.map((text) => prompt + text)],
    style.tokenize,
  );
  const letters = all.map((tokens, i) => ({
    text: texts[i],
    tokens: Array.from(tokens.slice(start.length)),
  }));
  const heads = new Set(letters.map(({ tokens }) => tokens.slice(0, -1).join(' ')));
  const lasts = new Set(letters.map(({ tokens }) => tokens.at(-1)));
  const kept = all.every((tokens) => start.every((token, i) => tokens[i] === token));
  if (!kept || heads.size !== 1 || lasts.size !== count || lasts.has(undefined)) {
    throw new UserError(
      `the tokenizer of ${engine.model.name} does not write the letters of options as single tokens behind the prompt: multiple choice cannot be read`,
    );
  }
  return letters;
}

/** Log p of each option's letter behind the prompt, and of the most likely one with what comes before it (a space). */
async function readLogits(
  engine: Engine,
  batch: Ready[],
  letters: LetterTokens[],
): Promise<{ logProbabilities: number[]; likelihood: number }[]> {
  const head = letters[0].tokens.slice(0, -1);
  const answers = await engine.logProbabilities(
    batch.map(({ question, prompt }) => {
      const tokens = [...prompt, ...head];
      const lasts = letters.slice(0, question.options!.length).map((letter) => letter.tokens.at(-1)!);
      return {
        tokens,
        asked: [
          ...head.map((token, i) => ({ at: prompt.length - 1 + i, tokens: [token] })),
          { at: tokens.length - 1, tokens: lasts },
        ],
      };
    }),
  );
  return answers.map((values) => {
    const before = values.slice(0, head.length).reduce((sum, value) => sum + value, 0);
    const logProbabilities = Array.from(values.slice(head.length));
    return { logProbabilities, likelihood: before + Math.max(...logProbabilities) };
  });
}

/** What the model says by itself, by question id. */
async function answerGreedily(
  engine: Engine,
  batch: Ready[],
  style: ChoiceStyle,
  { maxTokens, seed }: CollectSettings,
): Promise<Map<string, Sample>> {
  const answers = new Map<string, Sample>();
  const { guard, rethrow } = guardCallbacks();
  let cursor = 0;
  await engine.sample({
    settings: { temperature: 0, topK: 0, topP: 1, minP: 0, maxTokens, seed, stop: style.stop },
    prefix: commonPrefix(batch.map(({ prompt }) => prompt)),
    next: guard(() => {
      if (cursor >= batch.length) return undefined;
      const { question, prompt } = batch[cursor++];
      return { id: question.id, prompt, samples: 1 };
    }, undefined),
    onResult: guard(({ id, samples }) => {
      answers.set(id, samples[0]);
    }, undefined),
  });
  rethrow();
  return answers;
}
