import { UserError } from '../../errors.js';
import { extractCases } from '../../pipeline/extract-cases.js';
import { identifyModel, lazyEngine } from '../../pipeline/run.js';
import { DEFAULT_MODEL, engineChoice, type RunFlags } from '../options.js';
import { findModel, type Session, withProgress } from '../session.js';

/** `hneurons extract --cases FILE --out FILE.safetensors`: features of any cases, without a run folder. */
export async function runExtractCases(session: Session, flags: RunFlags & { cases: string }): Promise<void> {
  const { cases, out } = flags;
  if (!out?.endsWith('.safetensors')) {
    throw new UserError('--cases needs --out FILE.safetensors, the file to write', { exitCode: 2 });
  }
  const result = await withProgress(session, flags, async (emit) => {
    const found = await findModel(session, flags.model ?? DEFAULT_MODEL, emit);
    const { identity } = await identifyModel(found, session.environment, session.signal);
    const engine = lazyEngine(() =>
      session.environment.openEngine({
        ...engineChoice(flags),
        modelPath: found.path,
        signal: session.signal,
      }),
    );
    try {
      emit({ type: 'start', step: 'extract', label: 'extract' });
      const began = performance.now();
      const samples = await extractCases({
        engine: await engine.get(),
        modelHash: identity.sha256,
        casesPath: cases,
        out,
        onProgress: (done, total) =>
          emit({ type: 'progress', step: 'extract', done, total, unit: 'samples' }),
      });
      const seconds = (performance.now() - began) / 1000;
      emit({ type: 'end', step: 'extract', seconds, summary: `${samples} samples` });
      return { out, samples, neurons: identity.layers * identity.ffn, model: identity, seconds };
    } finally {
      await engine.close();
    }
  });
  session.stdout.write(flags.json ? `${JSON.stringify(result)}\n` : `${out}\n`);
}
