import { tokenizeBounded } from '../engine/text/length.js';
import type { PromptStyle } from '../engine/text/prompt.js';
import type { Engine } from '../engine/types.js';
import { answerSpan, type Span } from '../judge/span.js';
import type { SpanExtractor } from '../judge/types.js';
import type { Case } from '../pipeline/cases.js';
import type { Wanted } from '../pipeline/classify.js';
import { distinctAnswers } from '../pipeline/make-cases.js';
import { locateQuestions } from '../pipeline/question-span.js';
import { readAnswers } from '../pipeline/read-answers.js';
import type { Response, ResponseSample } from '../pipeline/responses.js';
import { retokenisedSequences } from '../pipeline/retokenise.js';
import type { Sampler } from '../pipeline/sampler.js';
import { type Sequence, tokenizeSequences } from '../pipeline/sequence.js';
import type { SplitQuestion } from '../pipeline/split.js';
import type { ImportedQuestion } from './gather.js';
import { behindPrompt } from './names.js';

/** An imported question with its place in the run. */
export type Placed = ImportedQuestion & SplitQuestion;

/** A question's responses, or why they cannot be read. */
export interface Made {
  response?: Response;
  problem?: string;
}

/** The responses of some questions with their tokens behind the prompt; each text of a question is tokenised once. */
export async function tokenizeBatch(engine: Engine, style: PromptStyle, batch: Placed[]): Promise<Made[]> {
  const prompts = await Promise.all(batch.map(({ question }) => style.text(question)));
  const texts = batch.flatMap((question, i) => {
    const prompt = prompts[i];
    return [...new Set(textsOf(question))].map((text) => {
      return { question, text, prompt, response: behindPrompt(text, style.kind) };
    });
  });
  const long = new Map<Placed, string>();
  const sequences = await tokenizeSequences(engine, texts, style.tokenize, (text, why) => {
    long.set(texts[text].question, `a response of it behind the prompt ${why}`);
  });
  const hostile = style.tokenize.special ? await holdsSpecial(engine, texts) : [];
  const found = new Map<Placed, Map<string, Sequence | undefined>>(batch.map((one) => [one, new Map()]));
  texts.forEach(({ question, text }, i) => {
    found.get(question)!.set(text, hostile[i] ? undefined : sequences[i]);
  });
  return batch.map((question): Made => {
    const own = found.get(question)!;
    const problem = long.get(question);
    if (problem !== undefined) return { problem };
    if ([...own.values()].some((sequence) => sequence === undefined)) {
      return { problem: "the model's tokens do not spell a response of it" };
    }
    const samples = question.samples.map(({ text, verdict, judge, cutOff }, index): ResponseSample => {
      const { tokens, responseStart } = own.get(text)!;
      return {
        index,
        text: behindPrompt(text, style.kind),
        tokens: Array.from(tokens.subarray(responseStart)),
        verdict,
        logProbability: null,
        finish: cutOff ? 'length' : 'end',
        ...(judge !== 'rule' && { judge }),
      };
    });
    const { id, split, relation } = question;
    return { response: { id, split, relation, class: question.class, stopped: false, samples } };
  });
}

function textsOf({ samples, response }: Placed): string[] {
  return [...samples.map(({ text }) => text), ...(response === undefined ? [] : [response])];
}

/** Whether a response spells a special token: behind a chat template it would be one, and end the turn, say. */
async function holdsSpecial(engine: Engine, texts: { text: string }[]): Promise<boolean[]> {
  const own = texts.map(({ text }) => text);
  const [plain, special] = await Promise.all(
    [false, true].map((special) => tokenizeBounded(engine, own, { special, bos: false })),
  );
  return plain.map((tokens, i) => tokens?.join() !== special[i]?.join());
}

/** Answers where the files say that they are, else by the rule. Offsets are those of the response behind its prompt. */
export function givenSpans(placed: Placed[], style: PromptStyle): SpanExtractor {
  const given = new Map<string, Span>();
  const key = (question: string, response: string) => JSON.stringify([question, response]);
  for (const { question, response, span } of placed) {
    if (response === undefined || !span) continue;
    const text = behindPrompt(response, style.kind);
    const moved = text.length - response.length;
    given.set(key(question, text), { start: span.start + moved, end: span.end + moved });
  }
  return {
    name: 'imported',
    spans: async (items) =>
      items.map(({ question, response }) => given.get(key(question, response)) ?? answerSpan(response)),
  };
}

/** The cases of questions, in order, or why there is none. */
export async function readCandidates(
  engine: Engine,
  style: PromptStyle,
  spans: SpanExtractor,
  items: { question: Placed; response: Response }[],
): Promise<(Case | string)[]> {
  const read = await readAnswers(
    retokenisingSampler(engine, style),
    spans,
    items.map(({ question, response }) => ({
      question,
      sample: { ...response.samples[0], text: behindPrompt(question.response!, style.kind) },
    })),
  );
  const places = await locateQuestions(
    engine,
    items.map(({ question: { question } }, i) => ({
      question,
      prompt: read[i]?.token_ids.slice(0, read[i].response_start) ?? [],
    })),
  );
  return items.map(({ question, response }, i): Case | string => {
    const answer = read[i];
    if (!answer) return 'its response has no answer in it';
    const { id, group, split, relation, aliases } = question;
    return {
      ...{ id, group, split, relation },
      class: question.class as Wanted,
      question: question.question,
      aliases,
      ...answer,
      ...places[i],
      distinct_answers: distinctAnswers(response),
    };
  });
}

/** A sampler that has nothing to ask: it only reads. */
export function retokenisingSampler(engine: Engine, style: PromptStyle): Sampler {
  return {
    sample: async () => undefined,
    sequences: (items) => retokenisedSequences(engine, style, items),
  };
}
