import { join } from 'node:path';
import { z } from 'zod';
import { openEndpoint } from '../endpoint/index.js';
import { UserError } from '../errors.js';
import { ownCache } from '../models/places.js';
import { openAnswerCache } from './llm/answer-cache.js';
import type { Answerer } from './llm/ask.js';
import { endpointAnswerer } from './llm/endpoint-answerer.js';
import { llmJudge, llmSpans } from './llm/judge.js';
import { LOCAL_SPAN_PROMPT, SPAN_PROMPT } from './llm/span-prompt.js';
import { VERDICT_PROMPT } from './llm/verdict-prompt.js';
import { type LocalModel, localAnswerer } from './local/local-answerer.js';
import { localVerdicts } from './local/verdicts.js';
import { ruleJudge, ruleSpans } from './rule-judge.js';
import type { Judge, Opened, SpanExtractor } from './types.js';

/** Which judge, or span extractor: part of a run's settings. The rules of span extraction have one form only. */
export const JudgeSpecSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('rule'), rule: z.enum(['words', 'substring']) }),
  z.object({ kind: z.literal('endpoint'), model: z.string().min(1) }),
  z.object({ kind: z.literal('local'), model: z.string().min(1) }),
]);
export type JudgeSpec = z.infer<typeof JudgeSpecSchema>;

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
 * Reads `rule`, `rule:substring`, `endpoint:MODEL` or `local:MODEL`.
 * @throws UserError for anything else
 */
export function parseJudgeSpec(text: string, option = '--judge'): JudgeSpec {
  if (text === 'rule' || text === 'rule:words') return { kind: 'rule', rule: 'words' };
  if (text === 'rule:substring' && option === '--judge') return { kind: 'rule', rule: 'substring' };
  const match = /^(endpoint|local):(.+)$/s.exec(text);
  if (match) return { kind: match[1] as 'endpoint' | 'local', model: match[2].trim() };
  const rules = option === '--judge' ? 'rule, rule:substring' : 'rule';
  throw new UserError(`${option} ${text}: it must be ${rules}, endpoint:MODEL or local:MODEL`, {
    exitCode: 2,
  });
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
      ? endpointAnswerer(openEndpoint({ ...access, model: spec.model }), VERDICT_PROMPT)
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
      ? endpointAnswerer(openEndpoint({ ...access, model: spec.model }), SPAN_PROMPT)
      : localAnswerer(await access.openLocal(spec.model), LOCAL_SPAN_PROMPT, LONGEST_SPAN);
  return llmSpans(answerer, await cacheOf(answerer, access));
}

/** Tokens that a local model may spend on naming a span. */
const LONGEST_SPAN = 48;

async function cacheOf<Item, Answer>({ name, prompt, close }: Answerer<Item, Answer>, access: JudgeAccess) {
  const folder = access.cache ?? join(ownCache(access.env ?? process.env), 'judge');
  try {
    return await openAnswerCache(folder, name, prompt.version);
  } catch (error) {
    await close();
    throw error;
  }
}
