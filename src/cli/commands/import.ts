import { type Command, Option } from 'commander';
import type { ImportFlags } from '../import-files.js';
import { addEngine, addJudge, addModel, addOutput, integer, MODEL } from '../options.js';
import type { Session } from '../session.js';

const FORMATS = ['samples', 'answer-tokens', 'judged', 'ids', 'activations', 'classifier'];

/** `hneurons import`: files of the published scripts, or any judged responses, into a run folder. */
export function addImport(program: Command, session: Session): void {
  const command = program
    .command('import')
    .description("judged responses, or files of the paper's published scripts, into a run folder")
    .argument(
      '<files...>',
      'samples, answer tokens, ids, folders of activations, a classifier, or judged responses',
    )
    .option('--test <files...>', 'files with the test questions; the others are then all for training')
    .addOption(new Option('--format <format>', 'what the file is (default: by its content)').choices(FORMATS))
    .option(
      '--out <path>',
      'run folder (default: runs/<model>-<file>); of a classifier the detector file to write',
    )
    .addOption(
      new Option(
        '--prompt-style <style>',
        'how the questions are put (default: auto, by the chat template)',
      ).choices(['auto', 'chat', 'few-shot', 'plain']),
    )
    .option('--rejudge', 'judge the responses again by their accepted answers, as --judge says')
    .addOption(
      new Option('--label-1 <meaning>', 'what a label of 1 stands for').choices(['correct', 'hallucinated']),
    )
    .option('--min-correct <n>', 'correct samples that make a question faithful (default: all)', integer(1))
    .option('--max-correct <n>', 'correct samples up to which it is hallucinated (default: 0)', integer(0))
    .option('--quota <n>', 'at most so many samples of each class, to train on and again to test', integer(1))
    .addOption(
      new Option('--mode <mode>', 'how an imported classifier was trained (default: 3-vs-1)').choices([
        '3-vs-1',
        '1-vs-1',
      ]),
    )
    .option('--find', 'go on with all later stages, up to the report')
    .option('--seed <n>', 'seed of the split and of later stages (default: 1)', integer(0, 2 ** 31 - 1))
    .option('--force', 'start anew in a folder that holds another run; its files are kept as *.previous.*');
  addOutput(addEngine(addJudge(addModel(command, MODEL))))
    .addHelpText(
      'after',
      `
Judged responses are JSONL or CSV with question, response and label (true, correct, faithful; false, wrong, hallucinated),
and optionally id, answer (as it stands in the response), aliases, relation, and split (train or test).

Examples:
  $ hneurons import judged.csv --find                             from judged responses to the report
  $ hneurons import train_samples.jsonl --test test_samples.jsonl --model ./gemma.gguf --out runs/gemma
  $ hneurons import train_answer_tokens.jsonl train_qids.json --test test_answer_tokens.jsonl test_qids.json
  $ hneurons import answer_tokens.jsonl qids.json data/activations
  $ hneurons import classifier.pkl --model ./gemma.gguf --out detector.json`,
    )
    .action(async (files: string[], flags: Omit<ImportFlags, 'files'>) =>
      (await import('../import-files.js')).runImport(session, { ...flags, files }),
    );
}
