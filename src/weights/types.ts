/** The three matrices of an FFN. `up` and `gate` read the residual stream, `down` writes to it. */
export type FfnPart = 'up' | 'gate' | 'down';

/** Element types that are decoded here; every other one is a ggml block type, named by its ggml id. */
export type Encoding = 'F32' | 'F16' | 'BF16' | { ggml: number };

/** A matrix as it lies in a file: `[rows, columns]`, row-major. */
export interface StoredRows {
  file: string;
  /** Name of the tensor, for messages. */
  tensor: string;
  /** Byte of the first row. */
  offset: number;
  rows: number;
  columns: number;
  rowBytes: number;
  encoding: Encoding;
}

/** One FFN matrix of one layer. */
export interface StoredMatrix extends StoredRows {
  /** Whether a neuron is a row (as W_up usually is) or a column (W_down). */
  neurons: 'rows' | 'columns';
}

/** The FFN weights of a model, whatever file they lie in. Nothing of them is in memory. */
export interface FfnWeights {
  /** File or folder, as the user named it. */
  path: string;
  format: 'gguf' | 'safetensors';
  /** `general.architecture` or `model_type`. */
  architecture: string;
  layers: number;
  ffn: number;
  hidden: number;
  gated: boolean;
  /** How the matrices are stored, for display: `Q4_K_M`, `BF16`. */
  quantisation: string;
  /** Whether any FFN matrix is in a block format, so that its values carry rounding noise. */
  quantised: boolean;
  /** Every token of the vocabulary in order, where the files tell. */
  tokens(): Promise<string[] | undefined>;
  /** Undefined for the gate of a model without one. */
  matrix(layer: number, part: FfnPart): StoredMatrix | undefined;
  /** The bias that is added to W_up x, as one column; undefined where there is none. */
  upBias(layer: number): StoredMatrix | undefined;
  /**
   * Whether z_j is proportional to row j of W_up (with its bias): z_j = act(gate_j) * up_j. Not so without a gate, where the activation
   * comes after W_up, nor where W_up x is clamped, or z normalised before W_down (BitNet).
   */
  linearUp: boolean;
}
