import { dirname, join } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { UserError } from '../../errors.js';
import type { Place } from '../../pipeline/explain/explain.js';
import { wantsColour } from '../colour.js';
import { addEngine, addModel, addOutput, type EngineFlags, integer, type OutputOptions } from '../options.js';
import { findModel, type Session, withProgress } from '../session.js';

/** Enough to see a change of some fifteen points, in seconds for each neuron of a small model. */
const ITEMS = 40;

interface ExplainFlags extends OutputOptions, EngineFlags {
  detector?: string;
  run?: string;
  model?: string;
  neuron?: Place[];
  neurons?: number;
  items?: number;
}

/** `hneurons explain`: what each H-Neuron of a run does. */
export function addExplain(program: Command, session: Session): void {
  const command = program
    .command('explain')
    .description('what the H-Neurons do: the tokens they write, what drives them, what changes without them')
    .option('--detector <file>', 'detector.json of a run')
    .option('--run <folder>', 'run folder, in place of --detector (default: the only one)')
    .option(
      '--neuron <layer:index>',
      'explain this neuron, in the detector or not; may be repeated',
      (text: string, before: Place[] = []) => [...before, place(text)],
    )
    .option('--neurons <n>', 'the strongest n H-Neurons only (default: all)', integer(1))
    .option(
      '--items <n>',
      `items on which each neuron is switched off alone, 0 for none (default: ${ITEMS})`,
      integer(0, 1000),
    );
  addOutput(addEngine(addModel(command, "where the run's model is now, if it was moved")))
    .addHelpText(
      'after',
      `
Examples:
  $ hneurons explain --run runs/gemma-3-270m-builtin
  $ hneurons explain --detector runs/mine/detector.json --neurons 10
  $ hneurons explain --run runs/mine --neuron 7:276 --json

It writes explain.json into the run folder; the next hneurons report shows the cards too.`,
    )
    .action((flags: ExplainFlags) => runExplain(session, flags));
}

async function runExplain(session: Session, flags: ExplainFlags): Promise<void> {
  if (flags.detector !== undefined && flags.run !== undefined) {
    throw new UserError('--detector and --run name the same thing: give one of them', { exitCode: 2 });
  }
  if (flags.neuron !== undefined && flags.neurons !== undefined) {
    throw new UserError('--neuron names the neurons, --neurons counts them: give one of them', {
      exitCode: 2,
    });
  }
  const { onlyRun } = await import('../places.js');
  const { readDetector } = await import('../../pipeline/detector.js');
  const { explain } = await import('../../pipeline/explain/explain.js');
  const { EXPLAIN_FILE } = await import('../../pipeline/report-stage.js');
  const { openExistingRun, readManifest } = await import('../../pipeline/run-folder.js');
  const { inFolder } = await import('./run.js');
  const { renderCards } = await import('../../report/explain/terminal.js');

  const home =
    flags.detector === undefined ? (flags.run ?? onlyRun('runs', '--run')) : dirname(flags.detector);
  const detector = await readDetector(flags.detector ?? join(home, 'detector.json'));
  if (flags.detector !== undefined && !readManifest(home)) {
    throw new UserError(
      `${flags.detector} does not lie in a run folder: explain needs the answers that the detector was trained on`,
      { exitCode: 2 },
    );
  }
  const explained = await withProgress(session, flags, async (emit) => {
    const folder = await openExistingRun(home, { command: session.command });
    return inFolder(session, flags, emit, folder, async (context) => {
      if (flags.model !== undefined)
        folder.manifest.model.path = (await findModel(session, flags.model, emit)).path;
      return explain(context, {
        detector,
        named: flags.neuron,
        neurons: flags.neurons,
        items: flags.items ?? ITEMS,
      });
    });
  });
  if (flags.json) {
    session.stdout.write(`${JSON.stringify(explained)}\n`);
    return;
  }
  session.stdout.paint(renderCards(explained, { color: wantsColour(session.stdout) }));
  session.stdout.write(`${join(home, EXPLAIN_FILE)}\n`);
}

function place(text: string): Place {
  const match = /^(\d{1,6}):(\d{1,9})$/.exec(text.trim());
  if (!match) throw new InvalidArgumentError('It must be a layer and an index, as in 7:276.');
  return { layer: Number(match[1]), index: Number(match[2]) };
}
