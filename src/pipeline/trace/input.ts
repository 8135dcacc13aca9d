import type { FfnWeights } from '../../weights/types.js';
import type { Detector } from '../detector.js';
import type { ModelIdentity } from '../manifest.js';
import type { RunFolder } from '../run-folder.js';
import type { Dataset } from '../table/set.js';
import type { BaseAsking } from './base-run.js';

/** A model as trace sees it: weights to compare, and, where llama.cpp runs it, who it is. */
export interface TracedModel {
  name: string;
  weights: FfnWeights;
  /** Undefined for a safetensors checkpoint: its neurons can be compared, but it cannot be asked. */
  identity?: ModelIdentity;
}

export interface TraceInput {
  detector: Detector;
  detectorPath: string;
  /** The run that the detector lies in; without it there is nothing to repeat on the base model. */
  run?: RunFolder;
  /** The model that the detector was trained on. */
  instruct: TracedModel;
  /** What it may have come from: the base model, or checkpoints of a training in their order. */
  bases: TracedModel[];
  /** How asking the base model differs from the run. */
  asking: BaseAsking;
  transfer: boolean;
  /** Further data sets for the base model to answer, and how many questions of each at most. */
  datasets: readonly Dataset[];
  limit: number;
  seed: number;
  out: string;
}
