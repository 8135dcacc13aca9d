/** The process that decodes Parquet files, one at a time. */
import { startWatch, type Watch } from '../../threads/watch.js';
import type { Reply, Request } from './protocol.js';
import { openRows, type RawRow, type RowSource } from './rows.js';

/** Memory of this process; the limit of V8's heap is set below it by the parent. */
const MEMORY_BYTES = 900 * 2 ** 20;
/** Processor time of a step: what any step may take, and what its bytes and values add. */
const STEP_SECONDS = 5;
const BYTES_PER_SECOND = 2e6;
const VALUES_PER_SECOND = 1e6;

const starting = startWatch(MEMORY_BYTES);
let watch: Watch;
let source: RowSource | undefined;
let batches: AsyncGenerator<RawRow[]> | undefined;

const onStep = (bytes: number, values: number) =>
  watch.begin(STEP_SECONDS + bytes / BYTES_PER_SECOND + values / VALUES_PER_SECOND);

async function answer(request: Request): Promise<Reply> {
  switch (request.kind) {
    case 'open':
      await source?.close();
      source = undefined;
      source = await openRows(request.path, onStep);
      return { kind: 'opened', columns: source.columns, rows: source.rows };
    case 'read':
      batches = source?.batches(request.wanted);
      return nextBatch();
    case 'next':
      return nextBatch();
    case 'close':
      batches = undefined;
      await source?.close();
      source = undefined;
      return { kind: 'closed' };
  }
}

async function nextBatch(): Promise<Reply> {
  const next = await batches?.next();
  return { kind: 'batch', rows: next?.done === false ? next.value : undefined };
}

/** Anything may be thrown by a decompressor. */
function describe(error: unknown): Reply {
  const { code, syscall, message } = (error ?? {}) as Partial<NodeJS.ErrnoException>;
  if (typeof code === 'string' && typeof syscall === 'string') return { kind: 'failed', code, syscall };
  const [reason] = String(message ?? error).split('\n');
  return { kind: 'damaged', reason };
}

process.on('message', async (request: Request) => {
  watch = await starting;
  onStep(0, 0);
  const reply = await answer(request).catch(describe);
  watch.end();
  process.send?.(reply);
});
process.on('disconnect', () => process.exit());
