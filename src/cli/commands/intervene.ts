import { join } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { LARGEST_ALPHA } from '../../engine/steer/alpha.js';
import type { Intervention } from '../../report/intervention/schema.js';
import { benchmarkSpecs, scoreSpecs } from '../benchmarks.js';
import { type ComplianceFlags, complianceFolder, withCompliance } from '../compliance.js';
import { integer, parsedOption } from '../options.js';
import type { Session } from '../session.js';
import { addSteered } from '../steered-options.js';

export interface InterveneFlags extends ComplianceFlags {
  controls: { random: number; matched: number };
}

/** `hneurons intervene`: do these neurons turn compliance? */
export function addIntervene(program: Command, session: Session): void {
  const command = program
    .command('intervene')
    .description('turn the H-Neurons up and down: does the model comply more, and what does it cost?')
    .requiredOption('--detector <file>', 'detector.json of a run')
    .addOption(
      parsedOption(
        '--benchmark <list>',
        'counterfactual, false-premise, doubt (built in); falseqa=FILE, faitheval=FILE, sycophancy[=SET], jailbreak=FILE',
        benchmarkSpecs,
        'counterfactual,false-premise,doubt',
      ),
    )
    .addOption(
      parsedOption(
        '--alpha <values>',
        'FROM:TO:STEP, or values with commas; always also 1',
        alphas,
        '0:3:0.5',
      ),
    )
    .addOption(
      parsedOption(
        '--controls <sets>',
        'neuron sets to compare with: random:N,layer-matched:N, or none',
        controls,
        'random:5,layer-matched:5',
      ),
    )
    .option(
      '--items <n>',
      'items of each benchmark, each with an honest twin where there is one',
      integer(5),
      40,
    )
    .addOption(
      parsedOption(
        '--score <sets>',
        'plain questions that tell what it costs: facts (always), a set such as triviaqa, SET=FILE, or a file',
        scoreSpecs,
        'facts',
      ),
    );
  addSteered(command)
    .addHelpText(
      'after',
      `
Examples:
  $ hneurons intervene --detector runs/gemma-3-270m-builtin/detector.json
  $ hneurons intervene --detector detector.json --benchmark counterfactual --alpha 0:1:0.1 --controls layer-matched:5
  $ hneurons intervene --detector detector.json --benchmark falseqa=test.csv --items 200 --judge local:./judge.gguf
  $ hneurons intervene --detector detector.json --benchmark jailbreak=questions.csv --template template.txt --judge endpoint:MODEL

Answers are kept one by one in answers.jsonl; the same command goes on where it was. Texts of a jailbreak stay in that file and in
side-by-side.jsonl, and are not shown in reports.`,
    )
    .action((flags: InterveneFlags) => runIntervene(session, flags));
}

/** Values of alpha: `0:3:0.5`, `0,1,2` or one number, each once. 1 need not be among them, but another has to be. */
export function alphas(text: string): number[] {
  const fault = () =>
    new InvalidArgumentError(
      `It must be FROM:TO:STEP, or numbers with commas, from ${-LARGEST_ALPHA} to ${LARGEST_ALPHA}.`,
    );
  const isGrid = text.includes(':');
  const numbers = text.split(isGrid ? ':' : ',').map((part) => {
    const value = Number(part);
    if (part.trim() === '' || !(Math.abs(value) <= LARGEST_ALPHA)) throw fault();
    return value;
  });
  const all = isGrid ? steps(numbers) : numbers;
  if (all === undefined) throw fault();
  if (all.every((value) => value === 1)) {
    throw new InvalidArgumentError('It must have another value than 1, at which the model is as it is.');
  }
  return [...new Set(all)].sort((a, b) => a - b);
}

/** From, to and step as values; undefined where they make no grid. */
function steps([from, to, step, ...more]: number[]): number[] | undefined {
  if (more.length > 0 || !(step > 0) || to < from || (to - from) / step > 200) return undefined;
  const count = Math.floor((to - from) / step + 1e-9) + 1;
  return Array.from({ length: count }, (_, i) => Number((from + i * step).toFixed(6)));
}

function controls(text: string): { random: number; matched: number } {
  const counts = { random: 0, matched: 0 };
  if (text.trim() === 'none') return counts;
  for (const part of text.split(',')) {
    const match = /^(random|layer-matched):(\d{1,3})$/.exec(part.trim());
    if (!match)
      throw new InvalidArgumentError('It must be random:N, layer-matched:N, both with a comma, or none.');
    counts[match[1] === 'random' ? 'random' : 'matched'] = Number(match[2]);
  }
  return counts;
}

async function runIntervene(session: Session, flags: InterveneFlags): Promise<void> {
  const { intervene } = await import('../../pipeline/intervene/intervene.js');
  const { writeInterventionPage } = await import('../../pipeline/intervene/page.js');
  const out = complianceFolder(flags);
  const found = await withCompliance(session, flags, intervene);
  await writeInterventionPage(out, found);
  print(session, flags, found, out);
}

function print(session: Session, flags: InterveneFlags, found: Intervention, out: string): void {
  session.stdout.write(
    flags.json
      ? `${JSON.stringify(found)}\n`
      : `${found.summary.map((line) => `${line}\n`).join('')}\n${join(out, 'intervention.html')}\n`,
  );
}
