import { readGguf } from '../engine/gguf/read.js';
import { type Device, type Engine, openEngine, type SplitMode } from '../engine/index.js';
import type { LiveSession } from '../engine/live/types.js';
import type { PromptKind } from '../engine/text/prompt.js';
import { opensThought } from '../engine/text/thought.js';
import { UserError } from '../errors.js';
import { modelSha256, resolveModel } from '../models/index.js';
import { type Message, promptsOf } from '../pipeline/conversation.js';
import { askedModel } from '../pipeline/detector.js';
import type { ModelIdentity } from '../pipeline/manifest.js';
import { identifyModel } from '../pipeline/run.js';
import { check, checkOptions, TEXT } from './check.js';
import type { Detector } from './detector.js';
import { engineChoice } from './engine-choice.js';
import { ANSWER, OPEN, QUESTION } from './rules.js';
import { type Answer, type AnswerStream, startAnswer } from './stream.js';

export interface OpenOptions {
  /** CPU threads; default: the cores there are. On a busy machine 1 is many times faster. */
  threads?: number;
  /** Default `auto`. */
  device?: Device;
  /** Layers kept on the GPU; default: all of them when one is used. */
  gpuLayers?: number;
  /** How several GPUs share the model; default `layer`, or `none` where `mainGpu` alone is given. */
  splitMode?: SplitMode;
  /** Proportion of the model for each GPU, such as `[3, 1]`; default: as their memory is free. */
  split?: readonly number[];
  /** The one GPU to run on, counted from 0; with `row` the one that holds intermediate results. */
  mainGpu?: number;
  /** Memory beside the weights, in bytes or as `'4GiB'`; default: 1 GiB, on a GPU what is free there. */
  memory?: number | string;
  /** A folder with your own build of llama.cpp. */
  library?: string;
  /** Longest prompt and answer together, in tokens; default 2048. */
  contextTokens?: number;
  /** Answers that are written at the same time; default 4. */
  concurrency?: number;
  /** Aborting ends the native process at once. */
  signal?: AbortSignal;
  /** One-line messages: a download, a licence. */
  onNotice?: (text: string) => void;
}

export type { Message };

export interface AnswerOptions {
  /** Scores the answer, and says which neurons `alpha` scales. */
  detector?: Detector;
  /** What the activations of the neurons are multiplied with, 0 to 3: 0 switches them off, 1 (default) leaves the model as it is. */
  alpha?: number;
  /** The neurons that `alpha` scales; default: the H-Neurons of the detector. */
  neurons?: readonly { layer: number; index: number }[];
  /** From 0 to 2; 0 (default): always the likeliest token. */
  temperature?: number;
  topK?: number;
  topP?: number;
  minP?: number;
  /** Default 256, or less where the context ends. */
  maxTokens?: number;
  /** The answer ends where one of these begins. */
  stop?: string[];
  /** Equal seeds give equal answers. Default 1. */
  seed?: number;
  /** Probability from which on an answer counts as hallucinated; default .5. */
  threshold?: number;
  /** How a question is put to the model; default: as the detector does, else by whether there is a chat template. */
  promptStyle?: PromptKind;
  /** Aborting stops this answer. */
  signal?: AbortSignal;
}

/** A language model, opened up: it answers, and its neurons can be read and scaled. */
export class Model {
  #live: { detector: Detector | undefined; session: LiveSession; running: Set<Promise<unknown>> } | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #answers = 0;

  private constructor(
    /** What the file is: name, hash, architecture, sizes. */
    readonly info: ModelIdentity,
    /** The native side, for all that has no method here (`engine/types.ts`). */
    readonly engine: Engine,
    readonly options: OpenOptions,
  ) {}

  /**
   * Opens a model, downloading it where needed.
   * @param spec a path of a GGUF file, `hf:owner/repo[@revision][:file-or-quant]`, `ollama:name`, or an alias; default `gemma-3-270m`
   * @throws UserError when there is no such model, or it cannot be opened up
   */
  static async open(spec = 'gemma-3-270m', options: OpenOptions = {}): Promise<Model> {
    check('Model.open: the model', spec, TEXT);
    checkOptions('Model.open', options, OPEN);
    const { signal, onNotice } = options;
    const choice = engineChoice(options);
    const found = await resolveModel(spec, { signal, onNotice });
    const { identity } = await identifyModel(found, { openEngine, modelSha256 }, signal);
    const engine = await openEngine({ ...choice, modelPath: found.path, signal, onNotice });
    return new Model(identity, engine, options);
  }

  /**
   * Answers a question, or the last message of a conversation.
   * @throws UserError when an option is unknown or out of its range, the prompt does not fit, the detector belongs to another model, or the native process dies
   */
  async answer(question: string | readonly Message[], options: AnswerOptions = {}): Promise<Answer> {
    return (await this.stream(question, options)).answer;
  }

  /**
   * The same, token by token, each with its risk where there is a detector:
   *
   * ```ts
   * const stream = await model.stream('What is the capital of Peru?', { detector });
   * for await (const { text, risk } of stream) console.log(text, risk);
   * console.log((await stream.answer).risk?.verdict);
   * ```
   */
  async stream(question: string | readonly Message[], options: AnswerOptions = {}): Promise<AnswerStream> {
    check('the question', question, QUESTION);
    checkOptions('answer', options, ANSWER);
    const { detector, alpha = 1, seed = 1, stop = [], signal } = options;
    detector?.check(this);
    const neurons = this.#flat(options.neurons ?? detector?.hNeurons);
    if (alpha !== 1 && neurons === undefined) {
      throw new UserError('alpha needs a detector, or the neurons that it scales', { exitCode: 2 });
    }
    const kind = options.promptStyle ?? detector?.data.promptStyle ?? 'auto';
    const messages = typeof question === 'string' ? [{ role: 'user' as const, content: question }] : question;
    const asked = detector ? askedModel(this.engine.model, detector.data) : this.engine.model;
    const prompt = await promptsOf(asked, kind).ofMessages(messages);
    const [tokens] = await this.engine.tokenize([prompt.text], prompt.tokenize);
    const room = this.#contextTokens - tokens.length;
    if (room < 1)
      throw new UserError(`the prompt has ${tokens.length} tokens, more than fit; raise contextTokens`);
    const request = {
      id: String(++this.#answers),
      prompt: tokens,
      stream: 'answer',
      settings: {
        temperature: options.temperature ?? 0,
        topK: options.topK ?? 0,
        topP: options.topP ?? 1,
        minP: options.minP ?? 0,
        maxTokens: Math.min(room, options.maxTokens ?? MAX_TOKENS),
        stop: [...prompt.stop, ...stop],
        seed,
      },
      steering: alpha === 1 || !neurons ? undefined : { neurons, alpha },
      score: detector !== undefined,
    };
    const settings = detector?.riskSettings({ alpha, threshold: options.threshold });
    if (settings) settings.opensThought = opensThought(prompt.text);
    return this.#start(detector, (session) =>
      startAnswer(session, request, settings, { trimStart: prompt.continues, signal }),
    );
  }

  /** The files that the model lies in: several where it is split. */
  async files(): Promise<string[]> {
    return (await readGguf(this.engine.model.path)).files;
  }

  /** Ends the native process; answers under way reject. */
  async close(): Promise<void> {
    await this.engine.close();
  }

  #flat(neurons: AnswerOptions['neurons']): number[] | undefined {
    const { layers, ffn } = this.info;
    return neurons?.map(({ layer, index }) => {
      if (!(layer >= 0 && layer < layers && index >= 0 && index < ffn)) {
        throw new UserError(
          `there is no neuron ${index} in layer ${layer}: the model has ${layers} layers of ${ffn}`,
        );
      }
      return layer * ffn + index;
    });
  }

  get #contextTokens(): number {
    return this.options.contextTokens ?? Math.min(CONTEXT_TOKENS, this.engine.model.contextLength);
  }

  /**
   * Starts an answer in the live session. There is one at a time: answers with the same detector are written together, those with
   * another wait until these are done.
   */
  async #start(
    detector: Detector | undefined,
    start: (session: LiveSession) => AnswerStream,
  ): Promise<AnswerStream> {
    const turn = this.#turn.then(async () => {
      // Without a score it does not matter what is watched.
      if (!this.#live || (detector && this.#live.detector !== detector)) {
        await this.#closeSession();
        const { concurrency = CONCURRENCY } = this.options;
        const options = { watch: detector?.flat, concurrency, contextTokens: this.#contextTokens };
        this.#live = { detector, session: await this.engine.live(options), running: new Set() };
      }
      const { session, running } = this.#live;
      const stream = start(session);
      const over: Promise<unknown> = stream.answer.catch(() => {}).then(() => running.delete(over));
      running.add(over);
      return stream;
    });
    this.#turn = turn.catch(() => {});
    return turn;
  }

  async #closeSession(): Promise<void> {
    const live = this.#live;
    if (!live) return;
    await Promise.all(live.running);
    this.#live = undefined;
    await live.session.close();
  }
}

const CONTEXT_TOKENS = 2048;
const CONCURRENCY = 4;
const MAX_TOKENS = 256;
