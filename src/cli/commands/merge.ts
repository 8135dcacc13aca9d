import type { Command } from 'commander';
import { mergeShards, openShards } from '../../pipeline/merge.js';
import { mergeRun } from '../../pipeline/merge-run.js';
import { openExistingRun } from '../../pipeline/run-folder.js';
import { addOutput, type OutputOptions } from '../options.js';
import { onlyRun } from '../places.js';
import { type Session, withProgress } from '../session.js';
import { printRun } from './print-run.js';

interface MergeFlags extends OutputOptions {
  out?: string;
}

export function addMerge(program: Command, session: Session): void {
  const merge = program
    .command('merge')
    .description('puts the shards of extract together, once all of them are there')
    .option(
      '--out <path>',
      'run folder (default: the only one), or the safetensors file that the shards of --cases belong to',
    );
  addOutput(merge)
    .addHelpText(
      'after',
      `
Example, four parts of a run at the same time:
  $ for i in 0 1 2 3; do hneurons extract --out runs/mine --shard $i/4 & done; wait
  $ hneurons merge --out runs/mine`,
    )
    .action((flags: MergeFlags) => runMerge(session, flags));
}

/** `hneurons merge`: of a run folder, whose extract stage is then done, or of a file. */
async function runMerge(session: Session, flags: MergeFlags): Promise<void> {
  if (flags.out?.endsWith('.safetensors')) return mergeFile(session, flags, flags.out);
  const path = await withProgress(session, flags, async (emit) => {
    const folder = await openExistingRun(flags.out ?? onlyRun(), { command: session.command });
    try {
      await mergeRun({ folder, emit, versions: { hneurons: session.version } });
    } finally {
      folder.close();
    }
    return folder.path;
  });
  await printRun(session, flags, path, 'extract');
}

async function mergeFile(session: Session, flags: MergeFlags, out: string): Promise<void> {
  const result = await withProgress(session, flags, async (emit) => {
    const set = await openShards(out);
    emit({ type: 'start', step: 'extract', label: 'merge' });
    const began = performance.now();
    const { rows, held } = await mergeShards(set, `${out}.done.jsonl`, (done, total) =>
      emit({ type: 'progress', step: 'extract', done: done / 1e6, total: total / 1e6, unit: 'MB' }),
    );
    const seconds = (performance.now() - began) / 1000;
    const summary = `${rows} samples from ${set.paths.length} shards`;
    emit({ type: 'end', step: 'extract', seconds, summary });
    return { out, samples: rows, held, shards: set.paths, seconds };
  });
  session.stdout.write(flags.json ? `${JSON.stringify(result)}\n` : `${out}\n`);
}
