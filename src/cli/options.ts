import { type Command, InvalidArgumentError, Option } from 'commander';
import type { PromptKind } from '../engine/text/prompt.js';
import type { Device } from '../engine/types.js';
import type {
  CollectSettings,
  EvaluateSettings,
  ExtractSettings,
  TrainSettings,
} from '../pipeline/settings.js';

export const DEFAULT_MODEL = 'gemma-3-270m';
/** What `--model` takes, for help. */
export const MODEL = 'path, hf:owner/repo[:file-or-quant], ollama:name, or an alias (default: gemma-3-270m)';

/** Options as commander gives them; those that were not typed are undefined. */
export interface OutputOptions {
  quiet?: boolean;
  json?: boolean;
}

export interface EngineFlags {
  device?: Device;
  gpuLayers?: number;
  threads?: number;
  library?: string;
}

export interface CollectFlags {
  questions?: string;
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
}

export interface EvaluateFlags {
  controls?: number;
}

export interface RunFlags
  extends OutputOptions,
    EngineFlags,
    CollectFlags,
    ExtractFlags,
    TrainFlags,
    EvaluateFlags {
  model?: string;
  out?: string;
  seed?: number;
  force?: boolean;
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
    .option('--threads <n>', 'CPU threads', integer(1, 1024))
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
      '--questions <file>',
      'JSONL or CSV with question, aliases or answer, optional id, relation (default: built in)',
    )
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

export function addTrain(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--mode <mode>',
        'answer tokens of hallucinations against the rest, or against faithful answers alone',
      ).choices(['3-vs-1', '1-vs-1']),
    )
    .option('--C <values>', 'values of C to choose from (default: 0.1,0.3,1,3,10,30,100)', valuesOfC)
    .option('--folds <n>', 'folds of the cross-validation (default: 5)', integer(2, 100));
}

export function addEvaluate(command: Command): Command {
  return command.option(
    '--controls <n>',
    'sets of random neurons to compare with (default: 20)',
    integer(1, 10000),
  );
}

export function engineChoice({ device, gpuLayers, threads, library }: EngineFlags): EngineFlags {
  return { device, gpuLayers, threads, library };
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

export function trainOverrides({ mode, C, folds }: TrainFlags): Partial<TrainSettings> {
  return { mode, grid: C, folds };
}

export function evaluateOverrides({ controls }: EvaluateFlags): Partial<EvaluateSettings> {
  return { controls };
}
