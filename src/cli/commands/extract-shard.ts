import { extractShard } from '../../pipeline/extract-shard.js';
import { viewRun } from '../../pipeline/run-folder.js';
import { makeExtractSettings } from '../../pipeline/settings.js';
import type { Shard } from '../../pipeline/shards.js';
import { extractOverrides, type RunFlags } from '../options.js';
import { onlyRun } from '../places.js';
import { findModel, type Session, withProgress } from '../session.js';
import { inFolder } from './run.js';

/** `hneurons extract --shard i/n`: one part of the features of a run, which is only read: several may run at once. */
export async function runExtractShard(session: Session, flags: RunFlags, shard: Shard): Promise<void> {
  const result = await withProgress(session, flags, async (emit) => {
    const folder = viewRun(flags.out ?? onlyRun());
    return inFolder(session, flags, emit, folder, async (context) => {
      // The model is that of the run; --model may say where its file is now.
      if (flags.model !== undefined)
        folder.manifest.model.path = (await findModel(session, flags.model, emit)).path;
      return extractShard(context, makeExtractSettings(extractOverrides(flags)), shard);
    });
  });
  const { paths, rows } = result;
  session.stdout.write(
    flags.json ? `${JSON.stringify({ shard, files: paths, rows })}\n` : `${paths.join('\n')}\n`,
  );
}
