import { z } from 'zod';
import { UserError } from '../errors.js';

/** Which judge, or span extractor: part of a run's settings. The rules of span extraction have one form only. */
export const JudgeSpecSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('rule'), rule: z.enum(['words', 'substring']) }),
  z.object({ kind: z.literal('endpoint'), model: z.string().min(1) }),
  z.object({ kind: z.literal('local'), model: z.string().min(1) }),
]);
export type JudgeSpec = z.infer<typeof JudgeSpecSchema>;

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
