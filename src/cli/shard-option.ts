import type { Command } from 'commander';
import { UserError } from '../errors.js';
import type { Shard } from '../pipeline/shards.js';
import { integer } from './options.js';

export interface ShardFlags {
  shard?: string;
  shards?: number;
}

const MOST_SHARDS = 100_000;

export function addShard(command: Command): Command {
  return command
    .option(
      '--shard <i/n>',
      'one part of n alone, i from 0; auto: the number that Slurm or Kubernetes gives this task; then: hneurons merge',
    )
    .option('--shards <n>', 'the number of parts, with --shard auto', integer(1, MOST_SHARDS));
}

/**
 * Which shard is wanted: `i/n`, or `auto`, the index of a Slurm array task or of a pod of a Kubernetes Indexed Job.
 * Without `--shards` an array task is counted from the first of its array; with it the task id itself is the shard, so that one
 * task can be sent again by itself.
 * @returns undefined when none is wanted
 * @throws UserError for wrong usage
 */
export function chosenShard({ shard, shards }: ShardFlags, env: NodeJS.ProcessEnv): Shard | undefined {
  if (shard === undefined) {
    if (shards !== undefined) throw wrong('--shards goes with --shard auto');
    return undefined;
  }
  if (shard === 'auto') return check(fromEnvironment(shards, env));
  const match = /^(\d+)\/(\d+)$/.exec(shard.trim());
  if (!match) throw wrong(`--shard ${shard} is neither i/n, as in 0/4, nor auto`);
  if (shards !== undefined) throw wrong('--shard i/n says how many shards there are; leave --shards out');
  return check({ index: Number(match[1]), count: Number(match[2]) });
}

function fromEnvironment(shards: number | undefined, env: NodeJS.ProcessEnv): Shard {
  const number = (name: string): number | undefined => {
    const text = env[name]?.trim();
    if (!text) return undefined;
    if (!/^\d+$/.test(text)) throw wrong(`${name} is ${JSON.stringify(text)}, not a whole number`);
    return Number(text);
  };
  const pod = number('JOB_COMPLETION_INDEX');
  const task = number('SLURM_ARRAY_TASK_ID');
  if (task !== undefined) {
    if (shards !== undefined) return { index: task, count: shards };
    const count = number('SLURM_ARRAY_TASK_COUNT');
    if (count === undefined) throw wrong('SLURM_ARRAY_TASK_COUNT is not set; give the number of --shards');
    const step = number('SLURM_ARRAY_TASK_STEP') || 1;
    return { index: (task - (number('SLURM_ARRAY_TASK_MIN') ?? 0)) / step, count };
  }
  if (pod !== undefined) {
    const count = shards ?? number('JOB_COMPLETIONS');
    if (count === undefined) throw wrong('Kubernetes does not say how many pods there are; give --shards');
    return { index: pod, count };
  }
  throw wrong(
    '--shard auto needs SLURM_ARRAY_TASK_ID or JOB_COMPLETION_INDEX, and neither is set; give --shard i/n',
  );
}

function check(shard: Shard): Shard {
  const { index, count } = shard;
  if (count < 1 || count > MOST_SHARDS || index < 0 || index >= count || !Number.isInteger(index)) {
    throw wrong(`there is no shard ${index} of ${count}: shards are counted from 0`);
  }
  return shard;
}

function wrong(message: string): UserError {
  return new UserError(message, { exitCode: 2 });
}
