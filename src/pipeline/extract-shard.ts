import { dirname } from 'node:path';
import type { RunContext } from './context.js';
import { extractPlans, FEATURE_FILES, readInputs } from './extract.js';
import type { ExtractSettings } from './settings.js';
import { lockShard, type Shard, shardNames, writeShard } from './shards.js';

/**
 * One shard of stage 2: its part of the features and of the pairs of a run, into files of its own. The run itself is only read,
 * so that the shards of a run can be extracted at the same time.
 * @returns the paths of the files, and their rows together
 */
export async function extractShard(
  context: RunContext,
  settings: ExtractSettings,
  shard: Shard,
): Promise<{ paths: string[]; rows: number }> {
  const { folder, emit } = context;
  const inputs = await readInputs(folder);
  const release = lockShard(folder.file('features.safetensors'), shard);
  try {
    const label = `extract shard ${shard.index} of ${shard.count}`;
    const engine = await context.engine();
    emit({ type: 'start', step: 'extract', label });
    const began = performance.now();
    const plans = await extractPlans(engine, inputs);
    const paths: string[] = [];
    let rows = 0;
    for (const name of FEATURE_FILES) {
      const out = folder.file(`${name}.safetensors`);
      const written = await writeShard({
        engine,
        plan: plans[name],
        out,
        shard,
        type: settings.features,
        metadata: { key: inputs.keys[name] },
        modelHash: folder.manifest.model.sha256,
        onProgress: (done, total) =>
          emit({
            type: 'progress',
            step: 'extract',
            done,
            total,
            unit: name === 'pairs' ? 'pairs' : 'samples',
          }),
        onNotice: (message) => emit({ type: 'note', message }),
      });
      rows += written.rows;
      paths.push(shardNames(out, shard).path);
    }
    const seconds = (performance.now() - began) / 1000;
    emit({ type: 'end', step: 'extract', seconds, summary: `${rows} samples in ${dirname(paths[0])}` });
    return { paths, rows };
  } finally {
    release();
  }
}
