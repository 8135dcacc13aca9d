import { promptStyle } from '../engine/index.js';
import { UserError } from '../errors.js';
import { writeGgufAdapter } from '../export/adapter-gguf.js';
import { bakedFiles, bakeGguf } from '../export/bake-gguf.js';
import { listFiles, writeNeuronList } from '../export/neuron-list.js';
import { writePeftAdapter } from '../export/peft.js';
import { checkTarget } from '../export/target.js';
import {
  askedModel,
  checkDetectorModel,
  type Detector as DetectorFile,
  detectorNeurons,
  detectorProbability,
  readDetector,
} from '../pipeline/detector.js';
import { FEW_SHOT } from '../questions/few-shot.js';
import {
  type AnswerRisk,
  type HeldOutAnswers,
  type RiskSettings,
  readHeldOutAnswers,
  scoreWritten,
} from '../risk/index.js';
import { check, checkOptions, SHARE, TEXT } from './check.js';
import type { Model } from './model.js';
import { ANSWER, EXPORT, MODEL, PAIRS } from './rules.js';

/** A neuron of a detector. Weight > 0: an H-Neuron, more active in made-up answers; < 0: the opposite. */
export interface WeightedNeuron {
  /** From 0. */
  layer: number;
  /** Within the layer, from 0. */
  index: number;
  weight: number;
}

/** A question with an answer to be scored. */
export interface QuestionAnswer {
  question: string;
  answer: string;
}

/** What {@link Detector.export} writes: see `hneurons export --help`. */
export type ExportKind = 'gguf-lora' | 'gguf-baked' | 'peft' | 'neurons';

export interface ExportOptions {
  as: ExportKind;
  /** Where to write: a file, for `peft` a folder, for `neurons` the name of the two files without ending. */
  out: string;
  /** The model that the weights are taken from; not wanted for `neurons`. */
  model?: Model;
  /** What the activations of the H-Neurons are multiplied with. For `gguf-lora` it may be left to the scale at load time. */
  alpha?: number;
  /** Replace what is there. */
  force?: boolean;
  signal?: AbortSignal;
}

/** The neurons that tell made-up answers of one model, as `hneurons find` has written them to `detector.json`. */
export class Detector {
  private constructor(
    /** Where it was read from. */
    readonly path: string,
    /** The content of the file: model, weights, calibration, test figures. */
    readonly data: DetectorFile,
    /** The answers of its run that it was tested on, for intervals; undefined where the run is not beside the file. */
    readonly heldOut: HeldOutAnswers | undefined,
  ) {}

  /**
   * Reads a detector, and the test half of its run where that lies in the same folder.
   * @param path of a `detector.json`
   * @throws UserError when there is no such file, or it is no detector
   */
  static async load(path: string): Promise<Detector> {
    check('Detector.load: the path', path, TEXT);
    const data = await readDetector(path);
    return new Detector(path, data, await readHeldOutAnswers(path, data));
  }

  /** All neurons with their weights, by layer and index. */
  get neurons(): readonly WeightedNeuron[] {
    return this.data.neurons;
  }

  /** The neurons that alpha scales: those with a positive weight. */
  get hNeurons(): readonly WeightedNeuron[] {
    return this.data.neurons.filter(({ weight }) => weight > 0);
  }

  /** The calibrated probability that an answer with this raw score is hallucinated. */
  probability(score: number): number {
    return detectorProbability(this.data, score);
  }

  /**
   * Scores answers that stand already: whole, by sentence, by name and number, and by token. The numbers are those of
   * `hneurons score`.
   * @param options.threshold probability from which on an answer counts as hallucinated; default .5
   * @throws UserError when the detector belongs to another model, or the tokenizer cannot spell an answer
   */
  async score(
    model: Model,
    pairs: readonly QuestionAnswer[],
    options: { threshold?: number } = {},
  ): Promise<AnswerRisk[]> {
    check('score: the model', model, MODEL);
    check('score: the answers', pairs, PAIRS);
    checkOptions('score', options, { threshold: SHARE });
    this.check(model);
    const style = promptStyle(askedModel(model.engine.model, this.data), this.data.promptStyle, FEW_SHOT);
    const answers = await Promise.all(
      pairs.map(async ({ question, answer }) => ({ prompt: await style.text(question), answer })),
    );
    const risks = await scoreWritten(model.engine, this.riskSettings(options), answers, style.tokenize);
    return risks.map((risk, i) => {
      if (!risk)
        throw new UserError(`the tokens of the model cannot spell ${JSON.stringify(answers[i].answer)}`);
      return risk;
    });
  }

  /**
   * Writes the intervention "H-Neurons times alpha" for other programs: an adapter for llama.cpp (`gguf-lora`) or PEFT, vLLM
   * (`peft`), a copy of the model (`gguf-baked`), or the list of neurons as JSON and CSV.
   * @returns the files or the folder written
   * @throws UserError when something is missing, in the way, or does not fit
   */
  async export(options: ExportOptions): Promise<string[]> {
    checkOptions('export', options, EXPORT);
    check('export: as', options.as, EXPORT.as);
    check('export: out', options.out, EXPORT.out);
    const { as, out, model, alpha, force = false, signal } = options;
    const detector = this.data;
    if (as === 'neurons') {
      const { json, csv } = listFiles(out);
      checkTarget([json, csv], { kind: 'file', inputs: [this.path], force });
      await writeNeuronList(detector, out);
      return [json, csv];
    }
    if (!model) throw new UserError(`an export as ${as} needs the model`, { exitCode: 2 });
    if (as !== 'gguf-lora' && alpha === undefined) {
      throw new UserError(`an export as ${as} needs an alpha`, { exitCode: 2 });
    }
    this.check(model);
    const source = model.engine.model.path;
    const files = as === 'gguf-baked' ? bakedFiles(out, (await model.files()).length) : [out];
    checkTarget(files, {
      kind: as === 'peft' ? 'folder' : 'file',
      inputs: [this.path, ...(await model.files())],
      force,
    });
    if (as === 'gguf-lora') await writeGgufAdapter({ model: source, detector, alpha, out });
    else if (as === 'peft') await writePeftAdapter({ weights: source, detector, alpha: alpha!, out });
    else await bakeGguf({ model: source, detector, alpha: alpha!, out, signal });
    return files;
  }

  /** @throws UserError when this detector was trained on another model */
  check(model: Model): void {
    checkDetectorModel(this.data, model.info, false);
  }

  /** What scoring needs: for {@link answerRisk} and {@link riskStream}. */
  riskSettings(options: Pick<RiskSettings, 'threshold' | 'alpha'> = {}): RiskSettings {
    checkOptions('riskSettings', options, { threshold: SHARE, alpha: ANSWER.alpha });
    return { detector: this.data, heldOut: this.heldOut, ...options };
  }

  /** Flat indices (`layer * ffn + index`) of {@link neurons}, for the engine. */
  get flat(): number[] {
    return detectorNeurons(this.data).neurons;
  }
}
