import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chosenShard, type ShardFlags } from '../../src/cli/shard-option.js';
import { UserError } from '../../src/errors.js';

function refuse(flags: ShardFlags, env: NodeJS.ProcessEnv, reason: RegExp): void {
  assert.throws(
    () => chosenShard(flags, env),
    (error: Error) => error instanceof UserError && error.exitCode === 2 && reason.test(error.message),
  );
}

test('a shard by hand', () => {
  assert.equal(chosenShard({}, { JOB_COMPLETION_INDEX: '1' }), undefined);
  assert.deepEqual(chosenShard({ shard: '0/4' }, {}), { index: 0, count: 4 });
  assert.deepEqual(chosenShard({ shard: '3/4' }, { SLURM_ARRAY_TASK_ID: '1' }), { index: 3, count: 4 });
  for (const shard of ['4/4', '0/0', '1', '-1/4', '1/x', '1.5/4', '', '1/2/3', '0/1000000']) {
    refuse({ shard }, {}, /shard/);
  }
  refuse({ shard: '0/4', shards: 4 }, {}, /leave --shards out/);
  refuse({ shards: 4 }, {}, /--shard auto/);
});

test('the task of a Slurm array, counted from its first one, or by --shards as it is', () => {
  const array = (id: number, min: number, count: number, step = 1) => ({
    SLURM_ARRAY_TASK_ID: String(id),
    SLURM_ARRAY_TASK_MIN: String(min),
    SLURM_ARRAY_TASK_COUNT: String(count),
    SLURM_ARRAY_TASK_STEP: String(step),
  });
  assert.deepEqual(chosenShard({ shard: 'auto' }, array(2, 0, 4)), { index: 2, count: 4 });
  assert.deepEqual(chosenShard({ shard: 'auto' }, array(4, 1, 4)), { index: 3, count: 4 });
  assert.deepEqual(chosenShard({ shard: 'auto' }, array(6, 0, 4, 2)), { index: 3, count: 4 });
  // One task of four sent again by itself: an array of one.
  assert.deepEqual(chosenShard({ shard: 'auto', shards: 4 }, array(2, 2, 1)), { index: 2, count: 4 });
  refuse({ shard: 'auto' }, array(9, 0, 3), /no shard 9 of 3/);
  refuse({ shard: 'auto' }, array(3, 0, 4, 2), /no shard 1\.5 of 4/);
  refuse({ shard: 'auto' }, { SLURM_ARRAY_TASK_ID: '1' }, /SLURM_ARRAY_TASK_COUNT/);
  refuse({ shard: 'auto' }, { SLURM_ARRAY_TASK_ID: 'one' }, /SLURM_ARRAY_TASK_ID is "one"/);
});

test('the pod of an Indexed Job', () => {
  const env = { JOB_COMPLETION_INDEX: '3' };
  assert.deepEqual(chosenShard({ shard: 'auto', shards: 8 }, env), { index: 3, count: 8 });
  assert.deepEqual(chosenShard({ shard: 'auto' }, { ...env, JOB_COMPLETIONS: '4' }), { index: 3, count: 4 });
  refuse({ shard: 'auto' }, env, /--shards/);
  refuse({ shard: 'auto', shards: 3 }, env, /no shard 3 of 3/);
  refuse({ shard: 'auto' }, {}, /SLURM_ARRAY_TASK_ID or JOB_COMPLETION_INDEX/);
});
