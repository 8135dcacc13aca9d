import koffi from 'koffi';
import { UserError } from '../../errors.js';
import type { Contention } from './contention.js';
import { NotFiniteError, usableLogits } from './finite.js';
import { floatsAt, type Llama, type Pointer } from './llama.js';

export interface ContextSettings {
  /** KV cells, shared by all sequences. */
  cells: number;
  /** Most rows in one decode; also the micro-batch, so that one decode is one pass through the layers. */
  rows: number;
  /** Most rows of one decode whose logits (or last-layer features) are wanted. */
  outputs: number;
  sequences: number;
  threads: number;
  /** Threads that outlive a computation. */
  pool?: Pointer;
  /** 0 = float32, 1 = float16. */
  kvType: 0 | 1;
  flashAttention: 'auto' | 'off';
  /** Hears how long each decode takes; says how many threads one with plain attention shall have. */
  contention?: Contention;
  /** Address of a registered evaluation callback. */
  evaluate?: Pointer;
}

/** A llama.cpp context with one reusable batch. Rows are added, decoded, and their logits read. */
export interface Context {
  readonly pointer: Pointer;
  readonly cells: number;
  readonly rowLimit: number;
  /** Rows in the batch so far. */
  rows: number;
  /** Adds a row; returns its index. The caller keeps within `rowLimit`. */
  add(token: number, position: number, sequence: number, output: boolean): number;
  /** Runs the batch and empties it. @throws UserError when llama.cpp reports a failure. */
  decode(): void;
  /**
   * Logits `[vocab]` of row `i` of the last batch: native memory, valid until the next decode.
   * @param of names what they belong to, for messages
   * @throws NotFiniteError when they are NaN or infinite
   */
  logits(row: number, of?: string): Float32Array;
  /** Makes `target` share the cells of `source` at positions below `end` (all of them by default). */
  copySequence(source: number, target: number, end?: number): void;
  removeSequence(sequence: number): void;
  /** Removes all sequences, and zeroes what they leave: NaN in an unused cell would reach the others through the mask. */
  clear(): void;
  /** Puts a fresh native context in place of this one: nothing is left in its cache, and no adapter is set on it. */
  renew(): void;
  free(): void;
}

/**
 * Makes a context on a loaded model.
 * @throws UserError when llama.cpp refuses (usually: not enough memory).
 */
export function createContext(
  llama: Llama,
  model: Pointer,
  vocab: number,
  settings: ContextSettings,
): Context {
  const parameters = {
    ...llama.contextDefaults(),
    n_ctx: settings.cells,
    n_batch: settings.rows,
    n_ubatch: settings.rows,
    n_seq_max: settings.sequences,
    // llama.cpp asserts that there is room for an output of each sequence.
    n_outputs_max: Math.max(settings.outputs, settings.sequences),
    n_threads: settings.threads,
    n_threads_batch: settings.threads,
    type_k: settings.kvType,
    type_v: settings.kvType,
    flash_attn_type: settings.flashAttention === 'auto' ? -1 : 0,
    cb_eval: settings.evaluate ?? null,
    swa_full: true,
    kv_unified: true,
  };
  const create = (): Pointer => {
    const created: Pointer | null = llama.contextNew(model, parameters);
    if (!created)
      throw new UserError(
        `llama.cpp could not make a context of ${settings.cells} tokens: probably not enough memory. Close other programs, or use a smaller model or quantisation`,
      );
    if (settings.pool !== undefined) llama.threadPoolAttach(created, settings.pool, settings.pool);
    return created;
  };
  let pointer = create();
  let memory: Pointer = llama.memory(pointer);
  const batch = llama.batchInit(settings.rows, 0, 1);
  const ints = (address: Pointer) => new Int32Array(koffi.view(address, settings.rows * 4));
  const tokens = ints(batch.token);
  const positions = ints(batch.pos);
  const counts = ints(batch.n_seq_id);
  const outputs = new Int8Array(koffi.view(batch.logits, settings.rows));
  const sequences = Array.from({ length: settings.rows }, (_, i) => {
    const address: bigint = koffi.decode(batch.seq_id, i * 8, 'void *');
    return new Int32Array(koffi.view(address, 4));
  });
  const cells = llama.contextCells(pointer);

  const { contention } = settings;
  let { threads } = settings;
  /** Flash attention cuts a long context into a piece for each thread, and rounds at each cut: there their number stays. */
  const setThreads = () => {
    if (!contention || settings.flashAttention !== 'off' || contention.threads >= threads) return;
    threads = contention.threads;
    llama.setThreads(pointer, threads, threads);
  };

  const context: Context = {
    get pointer() {
      return pointer;
    },
    cells,
    rowLimit: settings.rows,
    rows: 0,
    add(token, position, sequence, output) {
      const row = context.rows++;
      tokens[row] = token;
      positions[row] = position;
      counts[row] = 1;
      sequences[row][0] = sequence;
      outputs[row] = output ? 1 : 0;
      return row;
    },
    decode() {
      const { rows } = context;
      batch.n_tokens = rows;
      context.rows = 0;
      setThreads();
      const [since, cpu] = [performance.now(), process.cpuUsage()];
      const status: number = llama.decode(pointer, batch);
      if (status !== 0) throw new UserError(decodeFailure(status, cells));
      llama.synchronize(pointer);
      const ms = performance.now() - since;
      const { user, system } = process.cpuUsage(cpu);
      contention?.add({ rows, ms, cpuMs: (user + system) / 1000 });
    },
    logits(row, of) {
      const logits = floatsAt(llama.logitsAt(pointer, row), vocab);
      if (!usableLogits(logits)) throw new NotFiniteError(of ? `The logits of ${of}` : 'The logits');
      return logits;
    },
    copySequence(source, target, end = -1) {
      llama.seqCopy(memory, source, target, -1, end);
    },
    removeSequence(sequence) {
      llama.seqRemove(memory, sequence, -1, -1);
    },
    clear() {
      llama.memoryClear(memory, true);
    },
    renew() {
      llama.contextFree(pointer);
      pointer = create();
      threads = settings.threads;
      memory = llama.memory(pointer);
    },
    free() {
      llama.batchFree(batch);
      llama.contextFree(pointer);
    },
  };
  return context;
}

function decodeFailure(status: number, cells: number): string {
  if (status === 1)
    return `The context of ${cells} tokens is full: use shorter prompts, fewer samples or fewer new tokens`;
  return `llama.cpp failed to run the model (code ${status}): probably not enough memory, or a damaged file`;
}
