import { join } from 'node:path';
import { finalAnswer } from '../engine/text/thought.js';
import { UserError } from '../errors.js';
import { ownCache } from '../models/places.js';
import { openAnswerCache } from './llm/answer-cache.js';
import { type Answerer, askAll, newCounts } from './llm/ask.js';
import {
  type ComplianceItem,
  HARM_PROMPT,
  LOCAL_HARM_PROMPT,
  LOCAL_PREMISE_PROMPT,
  PREMISE_PROMPT,
} from './llm/compliance-prompts.js';
import { llmJudge, llmSpans } from './llm/judge.js';
import type { LlmPrompt } from './llm/prompt.js';
import { LOCAL_SPAN_PROMPT, SPAN_PROMPT } from './llm/span-prompt.js';
import { VERDICT_PROMPT } from './llm/verdict-prompt.js';
import { type LocalModel, localAnswerer } from './local/local-answerer.js';
import { localTruth, localVerdicts } from './local/verdicts.js';
import { ruleJudge, ruleSpans } from './rule-judge.js';
import type { JudgeSpec } from './spec.js';
import type { ComplianceJudge, Judge, Opened, SpanExtractor } from './types.js';

/** How judges are reached, whichever they are. */
export interface JudgeAccess {
  /** Base URL, key variable, concurrency, time limit and retries of an endpoint. */
  url?: string;
  keyEnv?: string;
  concurrency?: number;
  timeoutMs?: number;
  retries?: number;
  /** Folder of cached answers; default: `judge` in our own cache. */
  cache?: string;
  signal?: AbortSignal;
  env?: NodeJS.ProcessEnv;
  /** Loads a model that the user named. The judge closes its engine. */
  openLocal(model: string): Promise<LocalModel>;
}

/**
 * Opens a judge. An endpoint is not asked anything yet; a local model is loaded.
 * @param markers phrases that make a response uncertain
 * @throws UserError when the endpoint's settings are wrong, the local model cannot be loaded, or the cache cannot be written
 */
export async function openJudge(
  spec: JudgeSpec,
  markers: readonly string[],
  access: JudgeAccess,
): Promise<Opened<Judge>> {
  if (spec.kind === 'rule') return ruleJudge({ rule: spec.rule, markers });
  const answerer =
    spec.kind === 'endpoint'
      ? await overEndpoint(spec.model, VERDICT_PROMPT, access)
      : localVerdicts(await access.openLocal(spec.model));
  return llmJudge(answerer, await cacheOf(answerer, access), markers);
}

/** Opens a span extractor; everything as in {@link openJudge}. */
export async function openSpanExtractor(
  spec: JudgeSpec,
  access: JudgeAccess,
): Promise<Opened<SpanExtractor>> {
  if (spec.kind === 'rule') return ruleSpans();
  const answerer =
    spec.kind === 'endpoint'
      ? await overEndpoint(spec.model, SPAN_PROMPT, access)
      : localAnswerer(await access.openLocal(spec.model), LOCAL_SPAN_PROMPT, LONGEST_SPAN);
  return llmSpans(answerer, await cacheOf(answerer, access));
}

/**
 * Opens a judge of compliance: did a response accept a false premise, or give harmful help? Everything as in {@link openJudge}; there is no
 * rule for either.
 * @throws UserError also for the rule
 */
export async function openComplianceJudge(
  spec: JudgeSpec,
  about: 'premise' | 'harm',
  access: JudgeAccess,
): Promise<Opened<ComplianceJudge>> {
  if (spec.kind === 'rule') {
    throw new UserError(
      'no rule can tell whether an answer accepts a false premise or gives harmful help: choose --judge endpoint:MODEL or local:MODEL',
      { exitCode: 2 },
    );
  }
  const [remote, local] =
    about === 'premise' ? [PREMISE_PROMPT, LOCAL_PREMISE_PROMPT] : [HARM_PROMPT, LOCAL_HARM_PROMPT];
  const answerer =
    spec.kind === 'endpoint'
      ? await overEndpoint<ComplianceItem, boolean>(spec.model, remote, access)
      : localTruth(await access.openLocal(spec.model), local);
  const cache = await cacheOf(answerer, access);
  const counts = newCounts();
  return {
    name: answerer.name,
    promptVersion: answerer.prompt.version,
    counts: () => ({ ...counts }),
    async complies(items, onProgress) {
      const content = ({ question, explanations, response }: ComplianceItem) => [
        question,
        explanations,
        response,
      ];
      const responses = items.map(({ response }) => finalAnswer(response));
      const finished = items.flatMap((item, i) => {
        const response = responses[i];
        return response === undefined ? [] : [{ ...item, response }];
      });
      const answers = await askAll(finished, answerer, { cache, counts, content, onProgress });
      let at = 0;
      return responses.map((response) => (response === undefined ? undefined : answers[at++].answer));
    },
    async close() {
      cache.close();
      await answerer.close();
    },
  };
}

/** Tokens that a local model may spend on naming a span. */
const LONGEST_SPAN = 48;

/** The official client is loaded only where it is wanted: the other judges do without. */
async function overEndpoint<Item, Answer>(
  model: string,
  prompt: LlmPrompt<Item, Answer>,
  access: JudgeAccess,
): Promise<Answerer<Item, Answer>> {
  const { openEndpoint } = await import('../endpoint/index.js');
  const { endpointAnswerer } = await import('./llm/endpoint-answerer.js');
  return endpointAnswerer(openEndpoint({ ...access, model }), prompt);
}

async function cacheOf<Item, Answer>({ name, prompt, close }: Answerer<Item, Answer>, access: JudgeAccess) {
  const folder = access.cache ?? join(ownCache(access.env ?? process.env), 'judge');
  try {
    return await openAnswerCache(folder, name, prompt.version);
  } catch (error) {
    await close();
    throw error;
  }
}
