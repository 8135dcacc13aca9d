import koffi from 'koffi';
import { F32 } from '../gguf/ggml-types.js';
import { TENSOR } from '../native/abi.js';
import { floatsAt, type Pointer, readAddress, readInt, readInt32, readName } from '../native/llama.js';
import type { LoadedModel } from '../native/model.js';

/**
 * What a tap hears for each layer of each decode: z `[tokens, ffn]` and h `[tokens, hidden]` row-major, h without
 * the bias. Both are native or reused memory: valid only during the call.
 */
export type Listener = (layer: number, z: Float32Array, h: Float32Array, tokens: number) => void;

/** Hears the residual stream `[tokens, hidden]` after each layer: native or reused memory too. */
export type ResidualListener = (layer: number, x: Float32Array, tokens: number) => void;

/** A tap of a graph that goes on after it, as logits are wanted too. */
export interface PartialTap {
  /** 1 for the layers to be heard. */
  layers: Uint8Array;
  /** Leading rows of the running batch that are wanted; with 0 nothing is heard. Only they are valid in z and h. */
  rows(): number;
}

export interface Tap {
  /** Address for the context's evaluation callback. */
  readonly callback: Pointer;
  /** A failure inside the callback, which must not cross native frames. */
  error?: unknown;
  free(): void;
}

const FLOAT_BYTES = 4;
/** The op of a tensor that is not computed. */
const OP_NONE = 0;
const DOWN = /(?:^|#)blk\.(\d+)\.ffn_down\.weight(?:$|#)/;
const OWN_WEIGHT = /^[^#]*\.weight$/;

const Callback = koffi.proto('bool hneurons_evaluate(void *tensor, bool ask, void *user)');

/**
 * Watches the graph for the down projection of each layer: the MUL_MAT node whose weight is `blk.N.ffn_down.weight`;
 * its second source is z, the node itself h. With `listenResidual` also for the node that llama.cpp names `l_out-N`, a few
 * nodes further: the residual stream after layer N. After the last wanted node the rest of the graph (above all the output
 * matrix) is skipped. A graph without the last layer's `l_out` runs to its end. With `partial` nothing is skipped.
 * Under steering z and h are those of W_down itself: what the adapter adds comes in a later node.
 */
export function makeTap(
  model: LoadedModel,
  listen: Listener,
  listenResidual?: ResidualListener,
  partial?: PartialTap,
): Tap {
  const { llama, info } = model;
  const { ffn, hidden, layers } = info;
  /** Layer of a weight tensor by its address, -1 for any other weight. */
  const layerOf = new Map<number, number>();
  let copyZ: Float32Array = new Float32Array(0);
  let copyH: Float32Array = new Float32Array(0);
  /** Layer whose down projection was asked about and whose `l_out` is still to come; -1: none. Asks come in graph order. */
  let open = -1;

  const layerOfNode = (tensor: Pointer): number => {
    if (readInt32(tensor, TENSOR.op) !== llama.mulMatOp) return -1;
    const weight = readAddress(tensor, TENSOR.src);
    let layer = layerOf.get(weight);
    if (layer === undefined) {
      const source = BigInt(weight);
      // Keys and values of the attention are computed: no weights.
      if (readInt32(source, TENSOR.op) !== OP_NONE) return -1;
      const name = readName(source);
      const match = DOWN.exec(name);
      layer = match ? Number(match[1]) : -1;
      // Only the model's own tensors stay where they are. A copy on another device, "device#blk.N.ffn_down.weight#0", is laid
      // down anew for each graph, and so is an adapter: at its address lies another tensor next time.
      if (OWN_WEIGHT.test(name)) layerOf.set(weight, layer);
    }
    return layer < layers ? layer : -1;
  };

  /** The leading `rows` of a float32 tensor whose rows have `width` values. */
  const read = (
    tensor: Pointer,
    rows: number,
    width: number,
    copy: Float32Array,
  ): [Float32Array, Float32Array] => {
    checkLayout(tensor, width);
    const length = rows * width;
    const stride = readInt(tensor, TENSOR.nb + 8);
    const dense = stride === width * FLOAT_BYTES;
    const buffer = readAddress(tensor, TENSOR.buffer);
    if (dense && (buffer === 0 || llama.bufferIsHost(BigInt(buffer))))
      return [floatsAt(BigInt(readAddress(tensor, TENSOR.data)), length), copy];
    const room = copy.length < length ? new Float32Array(length) : copy;
    if (dense) llama.tensorGet(tensor, room, 0, length * FLOAT_BYTES);
    else
      for (let row = 0; row < rows; row++)
        llama.tensorGet(tensor, room.subarray(row * width), row * stride, width * FLOAT_BYTES);
    return [room.subarray(0, length), room];
  };

  const wants = (tensor: Pointer): boolean => {
    if (partial && partial.rows() === 0) return false;
    const layer = layerOfNode(tensor);
    if (partial) return layer >= 0 && partial.layers[layer] === 1;
    if (layer >= 0) {
      open = layer;
      return true;
    }
    if (!listenResidual || open < 0 || readName(tensor) !== `l_out-${open}`) return false;
    open = -1;
    return true;
  };

  const hear = (tensor: Pointer): boolean => {
    const tokens = readInt(tensor, TENSOR.ne + 8);
    const layer = layerOfNode(tensor);
    const rows = partial ? Math.min(tokens, partial.rows()) : tokens;
    let h: Float32Array;
    [h, copyH] = read(tensor, rows, hidden, copyH);
    if (layer >= 0) {
      let z: Float32Array;
      [z, copyZ] = read(BigInt(readAddress(tensor, TENSOR.src + 8)), rows, ffn, copyZ);
      listen(layer, z, h, tokens);
      if (partial) return true;
      return listenResidual !== undefined || layer !== layers - 1;
    }
    const after = Number(readName(tensor).slice('l_out-'.length));
    listenResidual!(after, h, tokens);
    return after !== layers - 1;
  };

  const tap: Tap = {
    callback: koffi.register((tensor: Pointer, ask: boolean): boolean => {
      try {
        return ask ? wants(tensor) : hear(tensor);
      } catch (error) {
        tap.error ??= error;
        return false;
      }
    }, koffi.pointer(Callback)),
    free: () => koffi.unregister(tap.callback),
  };
  return tap;
}

/** @throws Error for a tensor whose numbers do not lie as they are read: rows of `width` float32 values */
function checkLayout(tensor: Pointer, width: number): void {
  const type = readInt32(tensor, TENSOR.type);
  const values = readInt(tensor, TENSOR.ne);
  const step = readInt(tensor, TENSOR.nb);
  const rowsDeep = readInt(tensor, TENSOR.ne + 16) * readInt(tensor, TENSOR.ne + 24);
  if (type !== F32 || values !== width || step !== FLOAT_BYTES || rowsDeep !== 1)
    throw new Error(
      `${readName(tensor)} is of type ${type} with rows of ${values} values, ${step} bytes apart: expected float32 rows of ${width}`,
    );
}
