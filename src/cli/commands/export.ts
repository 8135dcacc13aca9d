import { type Command, InvalidArgumentError, Option } from 'commander';
import { UserError } from '../../errors.js';
import type { Export } from '../../exchange/export-run.js';
import { addOutput, alpha, MODEL } from '../options.js';
import { onlyRun } from '../places.js';
import { type Session, withProgress } from '../session.js';
import type { ExportModelFlags, Kind } from './export-model.js';

interface ExportFlags extends Partial<ExportModelFlags> {
  run?: string;
  format?: Export[];
}

const FORMATS: Export[] = ['samples', 'answer-tokens', 'ids', 'activations', 'classifier'];

const KINDS: Kind[] = ['gguf-lora', 'peft', 'gguf-baked', 'safetensors-baked', 'neurons'];

/** `hneurons export`: the intervention for other engines, or what the paper's published scripts read from a run folder. */
export function addExport(program: Command, session: Session): void {
  const command = program
    .command('export')
    .description(
      "the H-Neurons at an alpha of your choice for other engines (--as), or what the paper's published scripts read (--format)",
    )
    .addOption(
      new Option(
        '--as <kind>',
        'gguf-lora: adapter for llama.cpp; peft: for vLLM and transformers; gguf-baked, safetensors-baked: the model with alpha built in; neurons: a list',
      ).choices(KINDS),
    )
    .option('--detector <file>', 'with --as: detector.json of a run')
    .option('--alpha <a>', 'with --as: factor for the H-Neurons (0 off, 1 as they are, 2 doubled)', alpha)
    .option('--model <model>', `with --as: ${MODEL}`)
    .option(
      '--checkpoint <folder>',
      'with --as: the original safetensors checkpoint, for peft and safetensors-baked',
    )
    .option('--run <folder>', 'run folder (default: the only one)')
    .option('--out <path>', 'where to write')
    .option('--format <formats>', `some of ${FORMATS.join(',')} (default: all that the run has)`, formats)
    .option(
      '--force',
      'over an existing export, into a folder that holds other files, or with another model of the same shape',
    );
  addOutput(command)
    .addHelpText(
      'after',
      `
Examples:
  $ hneurons export --as gguf-lora --detector detector.json --out h.gguf       llama-server -m MODEL --lora-scaled h.gguf:1
  $ hneurons export --as gguf-baked --detector detector.json --alpha 0.5 --out calm.gguf
  $ hneurons export --as peft --detector detector.json --alpha 2 --checkpoint ./gemma-3-270m --out h2
  $ hneurons export --run runs/gemma-3-270m-builtin --out published
  $ hneurons export --format activations,ids --out published`,
    )
    .action((flags: ExportFlags) => runExport(session, flags));
}

function formats(text: string): Export[] {
  return text.split(',').map((part) => {
    const format = FORMATS.find((name) => name === part.trim());
    if (format === undefined) throw new InvalidArgumentError(`It must be some of ${FORMATS.join(',')}.`);
    return format;
  });
}

async function runExport(session: Session, flags: ExportFlags): Promise<void> {
  const { as } = flags;
  if (as !== undefined) {
    if (flags.run !== undefined || flags.format !== undefined) {
      throw new UserError(
        '--run and --format belong to the export of a run, --as to that of a detector; give one of them',
        {
          exitCode: 2,
        },
      );
    }
    return (await import('./export-model.js')).runExportModel(session, { ...flags, as });
  }
  const needless = (['detector', 'alpha', 'model', 'checkpoint'] as const).find(
    (name) => flags[name] !== undefined,
  );
  if (needless) {
    throw new UserError(`--${needless} needs --as: one of ${KINDS.join(', ')}`, { exitCode: 2 });
  }
  const { out } = flags;
  if (out === undefined) throw new UserError('export needs --out FOLDER, where to write', { exitCode: 2 });
  const { exportRun } = await import('../../exchange/export-run.js');
  const exported = await withProgress(session, flags, (emit) => {
    emit({ type: 'start', step: 'export', label: 'export' });
    return exportRun({
      run: flags.run ?? onlyRun(),
      out,
      formats: flags.format,
      force: flags.force,
      signal: session.signal,
      onProgress: (done, total) => emit({ type: 'progress', step: 'export', done, total, unit: 'samples' }),
    });
  });
  if (flags.json) {
    session.stdout.write(`${JSON.stringify({ out, exported })}\n`);
    return;
  }
  for (const { format, files, counts, undecided } of exported) {
    const parts = files.map((file, i) => `${file} (${counts[i]})`).join(', ');
    const left = undecided ? `; ${undecided} questions without a class left out` : '';
    session.stdout.write(`${format}: ${parts}${left}\n`);
  }
}
