import { type Command, InvalidArgumentError, Option } from 'commander';
import { SETS } from '../datasets/sets.js';
import { parseMemorySize } from '../engine/memory-size.js';
import { LARGEST_ALPHA } from '../engine/steer/alpha.js';
import type { PromptKind } from '../engine/text/prompt.js';
import type { EngineOptions } from '../engine/types.js';
import type {
  CollectSettings,
  EvaluateSettings,
  ExtractSettings,
  TrainSettings,
} from '../pipeline/settings.js';
import type { SamplingFlags } from './sampling-options.js';

export const DEFAULT_MODEL = 'gemma-3-270m';
/** What `--model` takes, for help. */
export const MODEL =
  'path, hf:owner/repo[@revision][:file-or-quant], ollama:name, or an alias (default: gemma-3-270m)';

/** Options as commander gives them; those that were not typed are undefined. */
export interface OutputOptions {
  quiet?: boolean;
  json?: boolean;
}

export type EngineFlags = Omit<EngineOptions, 'modelPath' | 'signal' | 'onNotice'>;

export interface CollectFlags {
  questions?: string;
  dataset?: string;
  limit?: number;
  promptStyle?: PromptKind | 'auto';
  samples?: number;
  minCorrect?: number;
  maxCorrect?: number;
  temperature?: number;
  topK?: number;
  topP?: number;
  minP?: number;
  maxTokens?: number;
  /** False with `--no-quota`. */
  quota?: number | false;
  pairs?: number;
}

export interface ExtractFlags {
  features?: ExtractSettings['features'];
}

export interface TrainFlags {
  mode?: TrainSettings['mode'];
  C?: number[];
  folds?: number;
  select?: TrainSettings['select'];
  scoreQuestions?: number;
  standardise?: boolean;
  classWeights?: TrainSettings['classWeights'];
}

export interface EvaluateFlags {
  controls?: number;
  resamples?: number;
}

export interface RunFlags
  extends OutputOptions,
    EngineFlags,
    CollectFlags,
    ExtractFlags,
    SamplingFlags,
    JudgeFlags,
    TrainFlags,
    EvaluateFlags {
  model?: string;
  out?: string;
  seed?: number;
  force?: boolean;
  /** False with `--no-causal`. */
  causal?: boolean;
}

/** A parser of whole numbers in a range, for commander. */
export function integer(low: number, high = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^[+-]?\d+$/.test(text.trim()) || value < low || value > high) {
      throw new InvalidArgumentError(`It must be a whole number ${range(low, high)}.`);
    }
    return value;
  };
}

/** A parser of numbers in a range, for commander. */
export function number(low: number, high = Number.POSITIVE_INFINITY): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === '' || !Number.isFinite(value) || value < low || value > high) {
      throw new InvalidArgumentError(`It must be a number ${range(low, high)}.`);
    }
    return value;
  };
}

/** An option that is parsed, with a default that help shows as it would be typed, not as what is made of it. */
export function parsedOption(
  flags: string,
  description: string,
  parse: (text: string) => unknown,
  byDefault: string,
): Option {
  return new Option(flags, description).argParser(parse).default(parse(byDefault), byDefault);
}

/** A parser of an alpha. */
export const alpha = number(-LARGEST_ALPHA, LARGEST_ALPHA);

function range(low: number, high: number): string {
  return high >= Number.MAX_SAFE_INTEGER ? `of at least ${low}` : `from ${low} to ${high}`;
}

/** One or more values of C: `0.3` or `0.1,0.3,1`. */
export function valuesOfC(text: string): number[] {
  return text.split(',').map((part) => {
    const value = Number(part);
    if (part.trim() === '' || !(value > 0) || !Number.isFinite(value)) {
      throw new InvalidArgumentError('It must be positive numbers with commas between them.');
    }
    return value;
  });
}

/** Proportions with commas between them: `3,1`. */
export function proportions(text: string): number[] {
  const values = text
    .split(',')
    .map((part) => (/^\d+(\.\d+)?$/.test(part.trim()) ? Number(part) : Number.NaN));
  if (!values.every((value) => value >= 0) || !values.some((value) => value > 0) || values.length > 16)
    throw new InvalidArgumentError('It must be up to 16 numbers with commas between them, such as 3,1.');
  return values;
}

/** Bytes of a memory size, for commander. */
export function memorySize(text: string): number {
  try {
    return parseMemorySize(text);
  } catch (error) {
    throw new InvalidArgumentError(`It ${(error as Error).message}.`);
  }
}

export function addOutput(command: Command): Command {
  return command.option('--json', 'print the result as JSON on stdout').option('--quiet', 'show no progress');
}

export function addEngine(command: Command): Command {
  return command
    .addOption(
      new Option('--device <name>', 'where the model runs (default: auto)').choices([
        'auto',
        'cpu',
        'cuda',
        'vulkan',
        'metal',
      ]),
    )
    .option('--gpu-layers <n>', 'layers kept on the GPU', integer(0))
    .addOption(
      new Option('--split-mode <mode>', 'how several GPUs share the model (default: layer)').choices([
        'none',
        'layer',
        'row',
      ]),
    )
    .option('--split <list>', 'proportion of the model for each GPU, such as 3,1', proportions)
    .option(
      '--main-gpu <n>',
      'run on this GPU alone, counted from 0; with --split-mode row its main one',
      integer(0, 15),
    )
    .option('--threads <n>', 'CPU threads', integer(1, 1024))
    .option(
      '--memory <size>',
      'memory beside the weights, such as 4GiB or 512MB (default: 1GiB; on a GPU what is free)',
      memorySize,
    )
    .option('--library <folder>', "your own llama.cpp build, in place of the package's");
}

export function addModel(command: Command, text: string): Command {
  return command.option('--model <model>', text);
}

export function addRun(command: Command): Command {
  return command
    .option('--out <folder>', 'run folder (default: runs/<model>-<question set>)')
    .option('--seed <n>', 'seed of everything that is drawn (default: 1)', integer(0, 2 ** 31 - 1))
    .option('--force', 'start anew in a folder that holds another run; its files are kept as *.previous.*');
}

export function addCollect(command: Command): Command {
  return command
    .option(
      '--dataset <set>',
      `${Object.keys(SETS).join(', ')}; NAME=FILE; or a file: JSONL, CSV or Parquet with question, aliases or answer, optional id, relation, options (default: facts)`,
    )
    .option('--questions <file>', 'the same as --dataset with a file')
    .option('--limit <n>', 'ask at most so many of the questions, chosen by the seed', integer(1))
    .addOption(
      new Option('--prompt-style <style>', 'how to ask (default: auto, by the chat template)').choices([
        'auto',
        'chat',
        'few-shot',
        'plain',
      ]),
    )
    .option('--samples <n>', 'samples of a question (default: 10)', integer(1, 1000))
    .option('--min-correct <n>', 'correct samples that make it faithful (default: all)', integer(1))
    .option('--max-correct <n>', 'correct samples up to which it is hallucinated (default: 0)', integer(0))
    .option('--temperature <t>', 'sampling temperature, 0 for greedy (default: 1)', number(0))
    .option('--top-k <n>', 'keep the n likeliest tokens, 0 for all (default: 50)', integer(0))
    .option('--top-p <p>', 'keep the likeliest tokens of this total probability (default: 0.9)', number(0, 1))
    .option(
      '--min-p <p>',
      'drop tokens less likely than this part of the likeliest (default: 0)',
      number(0, 1),
    )
    .option('--max-tokens <n>', 'longest response (default: 50)', integer(1))
    .option(
      '--quota <n>',
      'matched samples wanted of each class, to train on and again to test (default: 200)',
      integer(1),
    )
    .option('--no-quota', 'ask every question to the end')
    .option(
      '--pairs <n>',
      'most pairs of a right and a wrong answer to one question, for the test within questions (default: 200)',
      integer(0),
    );
}

export function addExtract(command: Command): Command {
  return command.addOption(
    new Option('--features <type>', 'how features are stored (default: float32)').choices([
      'float32',
      'float16',
    ]),
  );
}

export interface JudgeFlags {
  judge?: string;
  spans?: string;
  markers?: string;
  judgeUrl?: string;
  judgeKeyEnv?: string;
  judgeConcurrency?: number;
  judgeTimeout?: number;
  judgeRetries?: number;
  judgeCache?: string;
}

/** How a judge is chosen and reached; `openJudgeOf` of judges.ts opens it. */
export function addJudge(command: Command): Command {
  command
    .option('--judge <judge>', 'rule, rule:substring, endpoint:MODEL or local:MODEL (default: rule)')
    .option(
      '--markers <file>',
      'phrases, one a line, that make a response uncertain, in place of the built-in ones; +FILE: besides them; none',
    );
  return addJudgeAccess(command);
}

/** How a judge is reached. */
export function addJudgeAccess(command: Command): Command {
  return command
    .option('--judge-url <url>', "an endpoint's base URL (default: OPENAI_BASE_URL, else OpenAI)")
    .option('--judge-key-env <name>', 'environment variable with its key (default: OPENAI_API_KEY)')
    .option('--judge-concurrency <n>', 'requests at the same time (default: 8)', integer(1, 1000))
    .option('--judge-timeout <s>', 'longest wait for an answer, seconds (default: 120)', number(0.001, 86400))
    .option('--judge-retries <n>', 'further attempts at a failed request (default: 5)', integer(0, 100))
    .option('--judge-cache <folder>', "where answers are kept (default: judge in the program's own cache)");
}

/** How the answer's place in a response is found; reached as a judge is. */
export function addSpans(command: Command): Command {
  return command.option('--spans <finder>', 'rule, endpoint:MODEL or local:MODEL (default: rule)');
}

export function addTrain(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--mode <mode>',
        'answer tokens of hallucinations against the rest, or against faithful answers alone',
      ).choices(['3-vs-1', '1-vs-1']),
    )
    .option('--C <values>', 'values of C to choose from (default: 0.1,0.3,1,3,10,30,100)', valuesOfC)
    .option('--folds <n>', 'folds of the cross-validation (default: 5)', integer(2, 100))
    .addOption(
      new Option(
        '--select <criterion>',
        'what the chosen C is best in: held-out accuracy, or its sum with the score of the model without these neurons (default: accuracy+score)',
      ).choices(['accuracy', 'accuracy+score']),
    )
    .option('--score-questions <n>', 'known questions asked for that score (default: 200)', integer(1, 10000))
    .option(
      '--standardise',
      'divide each feature by its standard deviation; the weights stay those of CETT itself',
    )
    .addOption(
      new Option(
        '--class-weights <weights>',
        'balanced: hallucinated answers count as much in all as the rest (default: none)',
      ).choices(['none', 'balanced']),
    );
}

export function addEvaluate(command: Command): Command {
  return command
    .option('--controls <n>', 'sets of random neurons to compare with (default: 20)', integer(1, 10000))
    .option(
      '--resamples <n>',
      'resamples of the questions on which the neurons are looked for again, 0 for none (default: 20)',
      integer(0, 1000),
    );
}

export function engineChoice(flags: EngineFlags): EngineFlags {
  const { device, gpuLayers, splitMode, split, mainGpu, threads, memory, library } = flags;
  return { device, gpuLayers, splitMode, split, mainGpu, threads, memory, library };
}

export function collectOverrides(flags: CollectFlags): Partial<Omit<CollectSettings, 'promptStyle'>> {
  const { samples, minCorrect, maxCorrect, temperature, topK, topP, minP, maxTokens, quota, pairs } = flags;
  const sampling = { samples, minCorrect, maxCorrect, temperature, topK, topP, minP, maxTokens, pairs };
  // Commander makes `quota` true when only --no-quota is declared as its default.
  return { ...sampling, quota: quota === false ? null : typeof quota === 'number' ? quota : undefined };
}

export function extractOverrides({ features }: ExtractFlags): Partial<ExtractSettings> {
  return { features };
}

export function trainOverrides(flags: TrainFlags): Partial<TrainSettings> {
  const { mode, C, folds, select, scoreQuestions, standardise, classWeights } = flags;
  return { mode, grid: C, folds, select, scoreQuestions, standardise, classWeights };
}

export function evaluateOverrides({ controls, resamples }: EvaluateFlags): Partial<EvaluateSettings> {
  return { controls, resamples };
}
