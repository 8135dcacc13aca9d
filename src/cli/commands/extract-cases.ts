import { UserError } from '../../errors.js';
import { extractCases } from '../../pipeline/extract-cases.js';
import { identifyModel } from '../../pipeline/run.js';
import { type Shard, shardNames } from '../../pipeline/shards.js';
import { DEFAULT_MODEL, type RunFlags } from '../options.js';
import { findModel, type Session, withEngine, withProgress } from '../session.js';

/** `hneurons extract --cases FILE --out FILE.safetensors`: features of any cases, without a run folder. */
export async function runExtractCases(
  session: Session,
  flags: RunFlags & { cases: string },
  shard?: Shard,
): Promise<void> {
  const { cases, out } = flags;
  if (!out?.endsWith('.safetensors')) {
    throw new UserError('--cases needs --out FILE.safetensors, the file to write', { exitCode: 2 });
  }
  const result = await withProgress(session, flags, async (emit) => {
    const found = await findModel(session, flags.model ?? DEFAULT_MODEL, emit);
    const { identity } = await identifyModel(found, session.environment, session.signal);
    emit({ type: 'start', step: 'extract', label: 'extract' });
    const began = performance.now();
    const written = await withEngine(session, flags, found.path, (engine) =>
      extractCases({
        engine,
        modelHash: identity.sha256,
        casesPath: cases,
        out,
        features: flags.features ?? 'float32',
        shard,
        onNotice: (message) => emit({ type: 'note', message }),
        onProgress: (done, total) =>
          emit({ type: 'progress', step: 'extract', done, total, unit: 'samples' }),
      }),
    );
    const seconds = (performance.now() - began) / 1000;
    emit({ type: 'end', step: 'extract', seconds, summary: `${written.rows} samples` });
    return {
      out: shard ? shardNames(out, shard).path : out,
      samples: written.rows,
      held: written.held,
      neurons: identity.layers * identity.ffn,
      model: identity,
      seconds,
    };
  });
  session.stdout.write(flags.json ? `${JSON.stringify(result)}\n` : `${result.out}\n`);
}
