import { readMarkers } from '../judge/markers.js';
import type { JudgeAccess } from '../judge/open.js';
import { type JudgeSpec, parseJudgeSpec } from '../judge/spec.js';
import type { ComplianceJudge, Judge, JudgeCounts, Opened, SpanExtractor } from '../judge/types.js';
import { UNCERTAINTY_MARKERS } from '../judge/uncertainty.js';
import type { OpenJudging } from '../pipeline/collect.js';
import type { Listener } from '../pipeline/events.js';
import { hashText, stableJson } from '../pipeline/fingerprint.js';
import type { CollectSettings } from '../pipeline/settings.js';
import { type EngineFlags, engineChoice, type JudgeFlags } from './options.js';
import { findModel, type Session } from './session.js';

/** What the judge options of a command line mean, before anything is opened: part of a run's settings. */
export interface JudgeSettings {
  judge: JudgeSpec;
  spans: JudgeSpec;
  /** Phrases that make a response uncertain. */
  markers: readonly string[];
}

/** @throws UserError for a judge that there is not, or a file of markers that cannot be used */
export async function judgeSettings(flags: JudgeFlags): Promise<JudgeSettings> {
  return {
    judge: parseJudgeSpec(flags.judge ?? 'rule'),
    spans: parseJudgeSpec(flags.spans ?? 'rule', '--spans'),
    markers: await readMarkers(flags.markers),
  };
}

/** What of the judge options decides a collection; what is as by default is left out. */
export function judgeOverrides(
  flags: JudgeFlags,
  { judge, spans, markers }: JudgeSettings,
): Pick<CollectSettings, 'judge' | 'spans' | 'judgeUrl' | 'markers'> {
  const atEndpoint = judge.kind === 'endpoint' || spans.kind === 'endpoint';
  return {
    judge: specName(judge),
    spans: specName(spans),
    judgeUrl: atEndpoint ? flags.judgeUrl : undefined,
    markers: markers === UNCERTAINTY_MARKERS ? undefined : hashText(stableJson(markers)).slice(0, 16),
  };
}

function specName(spec: JudgeSpec): string | undefined {
  if (spec.kind === 'rule') return spec.rule === 'words' ? undefined : `rule:${spec.rule}`;
  return `${spec.kind}:${spec.model}`;
}

/** Judge, span extractor and markers of the options, opened when a collection needs them. */
export async function openJudging(
  session: Session,
  flags: JudgeFlags & EngineFlags,
  settings: JudgeSettings,
  emit: Listener,
): Promise<OpenJudging> {
  const judge = await openJudgeOf(session, flags, settings, emit);
  const spans = await openSpansOf(session, flags, settings, emit).catch(async (error) => {
    await judge.close();
    throw error;
  });
  return {
    judge,
    spans,
    markers: settings.markers,
    async close() {
      await judge.close();
      await spans.close();
      for (const { name, counts } of [judge, spans]) {
        const line = countsLine(counts());
        if (line) emit({ type: 'note', message: `${name}: ${line}` });
      }
    },
  };
}

/** Opens the judge that `settings` name; a local model is found and loaded as `--model` would be. */
export async function openJudgeOf(
  session: Session,
  flags: JudgeFlags & EngineFlags,
  { judge, markers }: Pick<JudgeSettings, 'judge' | 'markers'>,
  emit: Listener,
): Promise<Opened<Judge>> {
  const { openJudge } = await import('../judge/open.js');
  return openJudge(judge, markers, access(session, flags, emit));
}

/** Opens a judge of compliance; see `openComplianceJudge`. */
export async function openComplianceJudgeOf(
  session: Session,
  flags: JudgeFlags & EngineFlags,
  judge: JudgeSpec,
  about: 'premise' | 'harm',
  emit: Listener,
): Promise<Opened<ComplianceJudge>> {
  const { openComplianceJudge } = await import('../judge/open.js');
  return openComplianceJudge(judge, about, access(session, flags, emit));
}

/** Opens the span extractor that `settings` name. */
export async function openSpansOf(
  session: Session,
  flags: JudgeFlags & EngineFlags,
  { spans }: Pick<JudgeSettings, 'spans'>,
  emit: Listener,
): Promise<Opened<SpanExtractor>> {
  const { openSpanExtractor } = await import('../judge/open.js');
  return openSpanExtractor(spans, access(session, flags, emit));
}

function access(session: Session, flags: JudgeFlags & EngineFlags, emit: Listener): JudgeAccess {
  const { environment, signal } = session;
  return {
    url: flags.judgeUrl,
    keyEnv: flags.judgeKeyEnv,
    concurrency: flags.judgeConcurrency,
    timeoutMs: flags.judgeTimeout === undefined ? undefined : 1000 * flags.judgeTimeout,
    retries: flags.judgeRetries,
    cache: flags.judgeCache,
    signal,
    async openLocal(spec) {
      const found = await findModel(session, spec, emit);
      const sha256 = await environment.modelSha256(found, { signal });
      const engine = await environment.openEngine({ ...engineChoice(flags), modelPath: found.path, signal });
      return { engine, name: found.name, sha256 };
    },
  };
}

/** What a judge's work came to, in words; undefined for a rule. */
export function countsLine({ asked, cached, nonsense, failed }: JudgeCounts): string | undefined {
  if (asked + cached + failed === 0) return undefined;
  const parts = [`${asked} answers asked for`, `${cached} from the cache`];
  if (nonsense > 0) parts.push(`${nonsense} were nonsense`);
  if (failed > 0) parts.push(`${failed} items left out without a usable answer`);
  return parts.join(', ');
}
