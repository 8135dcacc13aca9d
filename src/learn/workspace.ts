/**
 * Shared memory that is used again and again under a name. Threads that were handed shared memory keep it alive until their own
 * garbage collection, which an idle thread never does: fresh memory for each step would pile up. What was in a piece of
 * memory is undefined when it is asked for.
 */
export interface Workspace {
  float32(name: string, length: number): Float32Array;
  float64(name: string, length: number): Float64Array;
  /** The workspace of a problem inside this one. */
  inner(): Workspace;
}

export function createWorkspace(): Workspace {
  const buffers = new Map<string, SharedArrayBuffer>();
  let inner: Workspace | undefined;
  const take = (name: string, bytes: number): SharedArrayBuffer => {
    const old = buffers.get(name);
    if (old && old.byteLength >= bytes) return old;
    // Some room to grow, where it is cheap.
    const buffer = new SharedArrayBuffer(old && bytes < 1 << 26 ? 2 * bytes : bytes);
    buffers.set(name, buffer);
    return buffer;
  };
  return {
    float32: (name, length) => new Float32Array(take(name, 4 * length), 0, length),
    float64: (name, length) => new Float64Array(take(name, 8 * length), 0, length),
    inner: () => {
      inner ??= createWorkspace();
      return inner;
    },
  };
}
