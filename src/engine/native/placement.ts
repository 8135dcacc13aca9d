/** Where llama.cpp puts the layers of a model, worked out in advance: it has no call that tells. */

export interface Placement {
  /** Layers on each GPU. */
  gpuLayers: number[];
  /** Layers in host memory. */
  hostLayers: number;
  /** Index of the GPU with the output matrix; -1: host memory. */
  output: number;
  /** Place of each layer and then of the output matrix: index of a GPU, -1 for host memory. */
  places: number[];
}

/**
 * The last `wanted` of all layers, counting the output matrix as one more, go to the GPUs, in order and by their proportions.
 * @param wanted negative: all
 */
export function placeLayers(layers: number, wanted: number, proportions: readonly number[]): Placement {
  const offloaded = proportions.length === 0 ? 0 : Math.min(wanted < 0 ? layers + 1 : wanted, layers + 1);
  const first = layers + 1 - offloaded;
  const total = proportions.reduce((sum, part) => sum + part, 0);
  let sum = 0;
  const ends = proportions.map((part) => {
    sum += part;
    return total > 0 ? sum / total : 1;
  });
  const places = Array.from({ length: layers + 1 }, (_, layer) => {
    if (layer < first) return -1;
    const gpu = ends.findIndex((end) => end > (layer - first) / offloaded);
    return gpu < 0 ? proportions.length - 1 : gpu;
  });
  return {
    gpuLayers: proportions.map((_, gpu) => places.slice(0, layers).filter((place) => place === gpu).length),
    hostLayers: places.slice(0, layers).filter((place) => place < 0).length,
    output: places[layers],
    places,
  };
}

/** Bytes of the weights on each GPU. Token embeddings stay in host memory; a model without an output matrix gets a copy of them. */
export function weightsOnGpus(
  placement: Placement,
  tensors: Iterable<{ name: string; bytes: number }>,
): number[] {
  const bytes = placement.gpuLayers.map(() => 0);
  const add = (place: number, size: number) => {
    if (place >= 0) bytes[place] += size;
  };
  let embeddings = 0;
  let hasOutput = false;
  for (const { name, bytes: size } of tensors) {
    const layer = /^blk\.(\d+)\./.exec(name);
    if (layer) add(placement.places[Number(layer[1])] ?? -1, size);
    else if (name === 'token_embd.weight') embeddings = size;
    else add(placement.output, size);
    hasOutput ||= name === 'output.weight';
  }
  if (!hasOutput) add(placement.output, embeddings);
  return bytes;
}
