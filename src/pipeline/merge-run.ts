import { UserError } from '../errors.js';
import type { RunContext } from './context.js';
import { describeExtract, extractStage, FEATURE_FILES, readInputs } from './extract.js';
import { mergeShards, openShards, type ShardSet } from './merge.js';
import { runStage } from './stage.js';

/**
 * Stage 2 from the shards of a run folder: the files that `extract` would have written in one go, and the same record in the
 * manifest. The shards are left as they are.
 * @throws UserError when they are not complete, do not belong together, or are of other cases or another model than the run.
 */
export async function mergeRun(context: Pick<RunContext, 'folder' | 'emit' | 'versions'>): Promise<boolean> {
  const { folder, emit, versions } = context;
  const inputs = await readInputs(folder);
  const sets: ShardSet[] = [];
  for (const name of FEATURE_FILES) {
    const set = await openShards(folder.file(`${name}.safetensors`));
    if (set.model !== folder.manifest.model.sha256) {
      throw new UserError(`${set.paths[0]} is of another model than the run; extract the shards again`);
    }
    if (set.key !== inputs.keys[name]) {
      throw new UserError(
        `${set.paths[0]} was made before the run was collected again; extract the shards again`,
      );
    }
    sets.push(set);
  }
  const [{ type, paths }, pairs] = sets;
  if (pairs.type !== type || pairs.paths.length !== paths.length) {
    throw new UserError(`${paths[0]} and ${pairs.paths[0]} do not belong together; extract the shards again`);
  }
  const definition = extractStage(inputs, { features: type });
  return runStage(folder, definition, versions, emit, async () => {
    let held = 0;
    for (const [i, set] of sets.entries()) {
      const donePath = folder.file(`${FEATURE_FILES[i]}.done.jsonl`);
      const written = await mergeShards(set, donePath, (done, total) => {
        emit({ type: 'progress', step: 'extract', done: done / 1e6, total: total / 1e6, unit: 'MB' });
      });
      held += written.held;
    }
    return describeExtract(folder, inputs, held);
  });
}
