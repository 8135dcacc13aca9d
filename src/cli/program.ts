import { Command, Option } from 'commander';
import { PACKAGE_VERSION } from '../engine/native/locate.js';
import { addCompare } from './commands/compare.js';
import { addDoctor } from './commands/doctor.js';
import { addExplain } from './commands/explain.js';
import { addExport } from './commands/export.js';
import { runExtractCases } from './commands/extract-cases.js';
import { runExtractShard } from './commands/extract-shard.js';
import { addImport } from './commands/import.js';
import { addIntervene } from './commands/intervene.js';
import { addJudgeCommand } from './commands/judge.js';
import { addMerge } from './commands/merge.js';
import { type LaterStage, runFromQuestions, runLaterStage } from './commands/run.js';
import { runScore, type ScoreFlags } from './commands/score.js';
import { addServe } from './commands/serve.js';
import { addTableOptions, runTable, type TableFlags, wantsTable } from './commands/table.js';
import { addTrace } from './commands/trace.js';
import { runTrainMatrix, type TrainMatrixFlags } from './commands/train-matrix.js';
import { addTune } from './commands/tune.js';
import {
  addCollect,
  addEngine,
  addEvaluate,
  addExtract,
  addJudge,
  addModel,
  addOutput,
  addRun,
  addSpans,
  addTrain,
  integer,
  MODEL,
  type RunFlags,
} from './options.js';
import { addSampling } from './sampling-options.js';
import type { Session } from './session.js';
import { addShard, chosenShard, type ShardFlags } from './shard-option.js';

const EVALUATE_OUT =
  "run folder (default: the only one); with --datasets the folder of the table (default: the detector's folder/table)";
const VERSION_FLAGS = '-V, --version';
const MODEL_MOVED = "where the run's model is now, if it was moved";

/** The command line, each command bound to what it does in `session`. */
export function buildProgram(session: Session): Command {
  const version = `hneurons ${session.version}, llama.cpp from @node-llama-cpp ${PACKAGE_VERSION}`;
  const program = new Command('hneurons')
    .description(
      'Finds, measures and steers the neurons of a language model that tell when it is making things up (H-Neurons, arXiv 2512.01797), in any model that llama.cpp runs.',
    )
    .version(version, VERSION_FLAGS, 'print the versions')
    .helpOption('-h, --help', 'show what a command does and takes')
    .showHelpAfterError(false)
    .addHelpText(
      'after',
      `
Examples:
  $ hneurons find                                      the default model and questions: a report in minutes
  $ hneurons find --model ollama:llama3.2              a model that Ollama has
  $ hneurons find --model ./my.gguf --dataset q.csv    your own model and questions
  $ hneurons score --detector runs/gemma-3-270m-builtin/detector.json --question "Capital of Peru?" --answer Lima

Stopped at any moment, the same command goes on where it was. Exit codes: 0 done, 1 failed, 2 wrong usage, 130 stopped.`,
    );

  const find = program.command('find').description('all in one: collect, extract, train, evaluate, report');
  find.option('--no-causal', 'leave out the check whether turning the neurons changes what the model does');
  addOutput(addEngine(addEvaluate(addTrain(addExtract(addCollecting(find))))))
    .addHelpText(
      'after',
      `
Examples:
  $ hneurons find --model smollm2-135m-instruct --prompt-style few-shot
  $ hneurons find --out runs/hot --temperature 1.5     only what depends on the temperature runs again
  $ hneurons find --json > result.json`,
    )
    .action((flags: RunFlags) => runFromQuestions(session, flags, true));

  const collect = program
    .command('collect')
    .description('stage 1: ask the questions, judge the samples, select matched cases');
  addOutput(addEngine(addCollecting(collect)))
    .addHelpText(
      'after',
      `
Examples:
  $ hneurons collect --dataset triviaqa --limit 20000
  $ hneurons collect --dataset nonexist+nonexist-mirror
  $ hneurons collect --dataset bioasq=training13b.json --quota 300
  $ hneurons collect --model ./my.gguf --endpoint http://localhost:8000/v1 --endpoint-model my-model`,
    )
    .action((flags: RunFlags) => runFromQuestions(session, flags, false));

  addExtractCommand(program, session);
  addMerge(program, session);
  addTrainCommand(program, session);
  addLater(
    program,
    session,
    'evaluate',
    'stage 4: test on unseen questions, next to random controls and baselines',
  );
  addLater(program, session, 'report', 'stage 5: report.json and report.html');
  addScore(program, session);
  addServe(program, session);
  addCompare(program, session);
  addImport(program, session);
  addExport(program, session);
  addIntervene(program, session);
  addTune(program, session);
  addTrace(program, session);
  addExplain(program, session);
  addJudgeCommand(program, session);
  addDoctor(program, session);

  addOutput(program.command('models').description('the model aliases, and what is on this machine')).action(
    async (flags) => (await import('./commands/models.js')).runModels(session, flags),
  );
  // The help of a command need not repeat what that of the program says.
  for (const command of program.commands) {
    command.version(version, VERSION_FLAGS);
    command.options.find(({ long }) => long === '--version')?.hideHelp();
  }
  return program;
}

/** All that decides what is collected, and where it goes. */
function addCollecting(command: Command): Command {
  return addSpans(addJudge(addSampling(addCollect(addRun(addModel(command, MODEL))))));
}

function addExtractCommand(program: Command, session: Session): void {
  const extract = program
    .command('extract')
    .description('stage 2: read the CETT of every neuron; of a run, or of any cases')
    .option('--out <path>', 'run folder (default: the only one); with --cases the safetensors file to write')
    .option(
      '--cases <file>',
      'JSONL with prompt, response and answer, or token_ids, answer_start and answer_end',
    );
  addOutput(addEngine(addShard(addExtract(addModel(extract, `${MODEL}; without --cases ${MODEL_MOVED}`)))))
    .addHelpText(
      'after',
      `
Examples:
  $ hneurons extract --out runs/gemma-3-270m-builtin
  $ hneurons extract --cases cases.jsonl --model ./my.gguf --out features.safetensors
  $ hneurons extract --out runs/mine --shard 0/4       the first of four parts; see hneurons merge`,
    )
    .action((flags: RunFlags & ShardFlags & { cases?: string }) => {
      const shard = chosenShard(flags, process.env);
      if (flags.cases !== undefined) return runExtractCases(session, { ...flags, cases: flags.cases }, shard);
      return shard ? runExtractShard(session, flags, shard) : runLaterStage(session, flags, 'extract');
    });
}

function addTrainCommand(program: Command, session: Session): void {
  const train = program
    .command('train')
    .description('stage 3: the sparse classifier; of a run, or of any matrix')
    .option('--out <folder>', 'run folder (default: the only one)')
    .option('--seed <n>', "seed of the folds (default: the run's)", integer(0, 2 ** 31 - 1))
    .option(
      '--features <file>',
      'any matrix of float32 or float16 (other types are converted): .npy, or safetensors with --tensors',
    )
    .option('--tensors <names...>', 'tensors of the safetensors file whose rows follow one another')
    .option('--labels <file>', '.npy of zeros and ones, one for each row of the features');
  addOutput(addEngine(addModel(addTrain(train), MODEL_MOVED)))
    .addHelpText(
      'after',
      `
Examples:
  $ hneurons train --out runs/gemma-3-270m-builtin --mode 1-vs-1
  $ hneurons train --features X.npy --labels y.npy --C 0.3,1 --json`,
    )
    .action((flags: RunFlags & Partial<TrainMatrixFlags>) =>
      flags.features === undefined
        ? runLaterStage(session, flags, 'train')
        : runTrainMatrix(session, { ...flags, features: flags.features }),
    );
}

function addLater(program: Command, session: Session, stage: LaterStage, text: string): void {
  const command = program
    .command(stage)
    .description(text)
    .option('--out <folder>', stage === 'evaluate' ? EVALUATE_OUT : 'run folder (default: the only one)');
  if (stage === 'evaluate') {
    addEvaluate(command).option(
      '--seed <n>',
      "seed of what is drawn (default: the run's)",
      integer(0, 2 ** 31 - 1),
    );
    addTableOptions(command);
  }
  const model =
    stage === 'evaluate' ? `${MODEL_MOVED}; of a detector outside of a run its model` : MODEL_MOVED;
  addOutput(addEngine(addModel(command, model))).action((flags: RunFlags & Partial<TableFlags>) =>
    stage === 'evaluate' && wantsTable(flags)
      ? runTable(session, flags)
      : runLaterStage(session, flags, stage),
  );
}

function addScore(program: Command, session: Session): void {
  const score = program
    .command('score')
    .description('how likely answers are hallucinated, as a whole and token by token')
    .requiredOption('--detector <file>', 'detector.json of a run')
    .option('--question <text>', 'the question')
    .option('--answer <text>', 'the answer to score')
    .option('--file <file>', 'JSONL or CSV with question and answer, optional id')
    .option('--judged <file>', 'judged responses, as import takes them: AUROC and accuracy with intervals')
    .addOption(
      new Option('--label-1 <meaning>', 'what a label of 1 stands for').choices(['correct', 'hallucinated']),
    )
    .option('--force', 'also with another file of the same shape than the detector was trained on');
  addOutput(addEngine(addModel(score, MODEL)))
    .addHelpText(
      'after',
      `
Examples:
  $ hneurons score --detector detector.json --question "What is the capital of Peru?" --answer "Lima"
  $ hneurons score --detector detector.json --file answers.csv --json
  $ hneurons score --detector detector.json --judged judged.csv`,
    )
    .action((flags: ScoreFlags) => runScore(session, flags));
}
