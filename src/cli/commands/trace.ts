import { existsSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { UserError } from '../../errors.js';
import { hubName, parseHubSpec } from '../../models/hubSpec.js';
import type { Listener } from '../../pipeline/events.js';
import type { RunFolder } from '../../pipeline/run-folder.js';
import type { CollectSettings } from '../../pipeline/settings.js';
import type { TracedModel } from '../../pipeline/trace/input.js';
import { judgeSettings, openJudging } from '../judges.js';
import {
  addEngine,
  addJudge,
  addOutput,
  type EngineFlags,
  engineChoice,
  integer,
  type JudgeFlags,
  type OutputOptions,
} from '../options.js';
import { findModel, type Session, withProgress } from '../session.js';
import { LIMIT, openDatasets, parseSpecs } from './table.js';

interface TraceFlags extends OutputOptions, EngineFlags, JudgeFlags {
  detector: string;
  base?: string;
  checkpoints?: string;
  instruct?: string;
  promptStyle?: CollectSettings['promptStyle'];
  minCorrect?: number;
  maxCorrect?: number;
  quota?: number;
  /** False with `--no-transfer`. */
  transfer: boolean;
  datasets?: string;
  limit?: number;
  out?: string;
  seed?: number;
}

const MODEL = 'GGUF as for --model, a safetensors file or folder, or hf:owner/repo[@revision]:safetensors';

/** `hneurons trace`: where H-Neurons come from. */
export function addTrace(program: Command, session: Session): void {
  const command = program
    .command('trace')
    .description('where H-Neurons come from: the detector on the base model, and how far training moved them')
    .requiredOption('--detector <file>', 'detector.json of a run')
    .option('--base <model>', `the base model: ${MODEL}`)
    .option(
      '--checkpoints <list>',
      'in place of --base: checkpoints of a training, in order, with commas between',
    )
    .option('--instruct <model>', "the model after training (default: that of the detector's run)")
    .addOption(
      new Option('--prompt-style <style>', 'how the base model is asked (default: plain)').choices([
        'plain',
        'few-shot',
        'chat',
      ]),
    )
    .option(
      '--min-correct <n>',
      'correct samples that make a base answer faithful (default: as in the run)',
      integer(1),
    )
    .option(
      '--max-correct <n>',
      'correct samples up to which it is hallucinated (default: as in the run)',
      integer(0),
    )
    .option(
      '--quota <n>',
      'matched base samples of each class, in each half (default: as in the run)',
      integer(1),
    )
    .option('--datasets <list>', 'further data sets for the base model, as for evaluate --datasets')
    .option('--limit <n>', `with --datasets: most questions asked of one (default: ${LIMIT})`, integer(1))
    .option('--no-transfer', 'compare weights only; the base model is not asked')
    .option('--out <folder>', "where results go (default: origin in the detector's folder)")
    .option('--seed <n>', "seed of what is drawn (default: the run's)", integer(0, 2 ** 31 - 1));
  addOutput(addJudge(addEngine(command)))
    .addHelpText(
      'after',
      `
Examples:
  $ hneurons trace --detector runs/it/detector.json --base base.gguf
  $ hneurons trace --detector runs/it/detector.json --base hf:google/gemma-3-270m:safetensors --instruct hf:google/gemma-3-270m-it:safetensors
  $ hneurons trace --detector runs/it/detector.json --checkpoints step1000.gguf,step8000.gguf,step143000.gguf
  $ hneurons trace --detector runs/it/detector.json --checkpoints hf:lab/model@step1000:safetensors,hf:lab/model@step8000:safetensors

A revision is a branch, tag or commit of a repository on the hub, where trainings keep their checkpoints.
A checkpoint in safetensors has its weights compared; only a GGUF can be asked questions as well.`,
    )
    .action((flags: TraceFlags) => runTrace(session, flags));
}

async function runTrace(session: Session, flags: TraceFlags): Promise<void> {
  const bases = baseSpecs(flags);
  checkFlags(flags);
  const { readDetector, checkDetectorModel } = await import('../../pipeline/detector.js');
  const { openExistingRun, readManifest, lock } = await import('../../pipeline/run-folder.js');
  const { traceOrigin } = await import('../../pipeline/trace/trace.js');
  const { collectSettings } = await import('../../pipeline/train.js');
  const { DEFAULT_SEED, defined } = await import('../../pipeline/settings.js');

  const detector = await readDetector(flags.detector);
  const home = dirname(flags.detector);
  const manifest = readManifest(home);
  const out = flags.out ?? join(home, 'origin');
  const seed = flags.seed ?? manifest?.seed ?? DEFAULT_SEED;
  if (!manifest && flags.instruct === undefined) {
    throw new UserError(
      `${flags.detector} does not lie in a run folder: say with --instruct which model it is for`,
      { exitCode: 2 },
    );
  }
  const origin = await withProgress(session, flags, async (emit) => {
    const instruct = await traced(session, flags.instruct ?? manifest!.model.path, emit);
    if (instruct.identity) {
      const remedy = `name the model with --instruct FILE, or take that file all the same with --instruct ${instruct.weights.path}`;
      checkDetectorModel(detector, instruct.identity, flags.instruct !== undefined, remedy);
    }
    const models: TracedModel[] = [];
    for (const spec of bases) models.push(await traced(session, spec, emit));
    let run: RunFolder | undefined;
    const ends: (() => void)[] = [];
    try {
      if (manifest) {
        run = await openExistingRun(home, { command: manifest.command });
        ends.push(run.close);
      }
      const own = run && collectSettings(run);
      const judgeFlags = { judge: own?.judge, spans: own?.spans, judgeUrl: own?.judgeUrl, ...defined(flags) };
      const judges = await judgeSettings(judgeFlags);
      const datasets =
        flags.datasets === undefined
          ? []
          : await openDatasets(session, parseSpecs(flags.datasets), seed, emit);
      // Only once all is known to be in order: a folder that a mistake has made would be in the way.
      ends.push(lock(out));
      return await traceOrigin(
        {
          detector,
          detectorPath: flags.detector,
          run,
          instruct,
          bases: models,
          asking: {
            promptStyle: flags.promptStyle ?? 'plain',
            ...(flags.minCorrect !== undefined && { minCorrect: flags.minCorrect }),
            ...(flags.maxCorrect !== undefined && { maxCorrect: flags.maxCorrect }),
            ...(flags.quota !== undefined && { quota: flags.quota }),
          },
          transfer: flags.transfer,
          datasets,
          limit: flags.limit ?? LIMIT,
          seed,
          out,
        },
        {
          engine: engineChoice(flags),
          services: session.environment,
          version: session.version,
          command: session.command,
          tools: { openJudging: () => openJudging(session, judgeFlags, judges, emit), access: {} },
          emit,
          signal: session.signal,
        },
      );
    } finally {
      for (const end of ends.reverse()) end();
    }
  });
  const { summary, transferNote, driftNote } = origin;
  const words = [summary, transferNote, driftNote].flatMap((text) => (text ? `${text}\n` : []));
  session.stdout.write(
    flags.json ? `${JSON.stringify(origin)}\n` : `${words.join('')}\n${join(out, 'origin.html')}\n`,
  );
}

/** Says at once what would have no effect. */
function checkFlags({ transfer, ...flags }: TraceFlags): void {
  const asking = {
    datasets: 'datasets',
    limit: 'limit',
    minCorrect: 'min-correct',
    maxCorrect: 'max-correct',
    quota: 'quota',
    promptStyle: 'prompt-style',
    judge: 'judge',
    judgeUrl: 'judge-url',
    spans: 'spans',
    markers: 'markers',
  };
  const needless = Object.entries(asking).find(([flag]) => flags[flag as keyof typeof asking] !== undefined);
  if (!transfer && needless) {
    throw new UserError(
      `with --no-transfer the base model is not asked, and --${needless[1]} has no effect; leave one of the two out`,
      { exitCode: 2 },
    );
  }
  if (flags.limit !== undefined && flags.datasets === undefined) {
    throw new UserError('--limit needs --datasets: it is the most questions asked of one', { exitCode: 2 });
  }
}

function baseSpecs({ base, checkpoints }: TraceFlags): string[] {
  const list = (checkpoints ?? '').split(',').flatMap((spec) => spec.trim() || []);
  if ((base === undefined) === (list.length === 0)) {
    throw new UserError('trace needs --base, or --checkpoints with a list, and not both', { exitCode: 2 });
  }
  return base === undefined ? list : [base];
}

/** A model as the user named it: its weights, and, for a GGUF, who it is. */
async function traced(session: Session, spec: string, emit: Listener): Promise<TracedModel> {
  const { openWeights } = await import('../../weights/open.js');
  const remote = spec.startsWith('hf:') ? parseHubSpec(spec.slice('hf:'.length)) : undefined;
  if (remote?.selector === 'safetensors') {
    const { fetchFfn } = await import('../../weights/remote.js');
    const folder = await fetchFfn(remote, {
      signal: session.signal,
      onNotice: (message) => emit({ type: 'note', message }),
      onProgress: ({ done, total }) =>
        emit({ type: 'progress', step: 'model', done: done / 1e6, total: (total ?? done) / 1e6, unit: 'MB' }),
    });
    return { name: hubName(remote).split('/').slice(1).join('/'), weights: await openWeights(folder) };
  }
  const isCheckpoint =
    existsSync(spec) && (statSync(spec).isDirectory() || /\.(safetensors|json)$/i.test(spec));
  if (isCheckpoint) {
    return { name: checkpointName(spec), weights: await openWeights(spec) };
  }
  const { identifyModel } = await import('../../pipeline/run.js');
  const found = await findModel(session, spec, emit);
  const { identity } = await identifyModel(found, session.environment, session.signal);
  return { name: identity.name, weights: await openWeights(found.path), identity };
}

/** A file is named by its folder where its own name says nothing. */
function checkpointName(path: string): string {
  const name = basename(path).replace(/\.safetensors(\.index\.json)?$/i, '');
  return name === 'model' || name === '' ? basename(dirname(resolve(path))) : name;
}
