import { existsSync } from 'node:fs';
import { inspectModel } from '../engine/gguf/model.js';
import { readGguf } from '../engine/gguf/read.js';
import { asksForDate, type PromptKind, promptStyle, today } from '../engine/text/prompt.js';
import type { Engine, EngineOptions, ModelInfo } from '../engine/types.js';
import { UserError } from '../errors.js';
import type { ResolvedModel } from '../models/index.js';
import { FEW_SHOT } from '../questions/few-shot.js';
import type { Question } from '../questions/types.js';
import type { RunContext } from './context.js';
import type { Listener } from './events.js';
import { hashText, stableJson } from './fingerprint.js';
import type { Manifest, ModelIdentity } from './manifest.js';
import type { RunFolder } from './run-folder.js';

/** How the native side is started; the rest of the engine's options follows from the run. */
export type EngineChoice = Omit<EngineOptions, 'modelPath' | 'signal' | 'onNotice'>;

/** What the pipeline takes from outside, so that a test can put something simple in its place. */
export interface Services {
  openEngine(options: EngineOptions): Promise<Engine>;
  /** SHA-256 of a model file. */
  modelSha256(model: ResolvedModel, options: { signal?: AbortSignal }): Promise<string>;
}

/**
 * What the header of a model's GGUF says, with its hash. Reads no weights beyond hashing them once.
 * @throws UserError for a damaged file, or a model whose neurons cannot be read.
 */
export async function identifyModel(
  model: ResolvedModel,
  services: Services,
  signal?: AbortSignal,
): Promise<{
  identity: ModelIdentity;
  /** `general.name` of the header. */
  title: string;
  /**
   * How questions are put to it.
   * @param onNotice hears of a base model that `auto` takes for a chat model
   * @throws UserError when its chat template is wanted and cannot be used
   */
  promptKind(kind: PromptKind | 'auto', onNotice: (message: string) => void): Promise<PromptKind>;
  /** For a new run: today, where its prompts depend on the day. */
  promptDate(kind: PromptKind): { promptDate?: string };
}> {
  const info = inspectModel(await readGguf(model.path));
  const { architecture, quantisation, layers, ffn, hidden, vocab } = info;
  const sha256 = await services.modelSha256(model, { signal });
  const { name, source, path } = model;
  return {
    identity: { name, source, path, sha256, architecture, quantisation, layers, ffn, hidden, vocab },
    title: info.name,
    async promptKind(wanted, onNotice) {
      const style = promptStyle(info, wanted, FEW_SHOT);
      if (wanted === 'auto' && style.kind === 'chat' && info.baseSign) onNotice(baseNotice(info));
      if (style.kind === 'chat') await style.text(PROBE);
      return style.kind;
    },
    promptDate: (kind) => (asksForDate(info, kind) ? { promptDate: today() } : {}),
  };
}

/** What is said about a model that has a chat template and may be a base model all the same. */
export function baseNotice({ name, baseSign }: Pick<ModelInfo, 'name' | 'baseSign'>): string {
  return `${name} is asked by its chat template, but looks like a base model (${baseSign}): for worked examples use the prompt style few-shot`;
}

/** Renders a chat template once before any work. */
const PROBE = 'What is the capital of France?';

/** What a manifest says about a question set; the hash covers all that a run uses of it. */
export function describeQuestionSet(source: string, questions: Question[]): Manifest['questions'] {
  if (questions.length === 0) throw new UserError(`${source} holds no question`);
  const used = questions.map(({ id, question, aliases, relation, split, kind, options }) => {
    const more = [split, kind, options].some((value) => value !== undefined);
    return [id, question, aliases, relation, ...(more ? [{ split, kind, options }] : [])];
  });
  return { source, sha256: hashText(stableJson(used)), count: questions.length };
}

/** A context whose model is loaded when first needed, and what ends it. */
export interface OpenContext extends RunContext {
  /** Closes model and folder. */
  close(): Promise<void>;
}

/**
 * What the stages need to work in a run folder. The model is checked to be the one of the run before it is loaded.
 */
export function makeContext(options: {
  folder: RunFolder;
  engine: EngineChoice;
  services: Services;
  version: string;
  signal?: AbortSignal;
  emit: Listener;
}): OpenContext {
  const { folder, services, signal, emit } = options;
  const versions: Record<string, string> = { hneurons: options.version };
  const lazy = lazyEngine(async () => {
    const { model } = folder.manifest;
    emit({ type: 'start', step: 'model', label: 'load model' });
    const began = performance.now();
    if (!existsSync(model.path)) {
      throw new UserError(
        `the model of this run is no longer at ${model.path}; say where it is with --model`,
      );
    }
    const sha256 = await services.modelSha256({ ...model, sha256: undefined }, { signal });
    if (sha256 !== model.sha256) {
      throw new UserError(
        `${model.path} is not the model that ${folder.path} was made with; choose another --out`,
      );
    }
    const engine = await services.openEngine({
      ...options.engine,
      modelPath: model.path,
      signal,
      onNotice: (message) => emit({ type: 'note', message }),
    });
    engine.model.promptDate = folder.manifest.promptDate;
    versions.llama = engine.model.libraryVersion;
    const seconds = (performance.now() - began) / 1000;
    emit({ type: 'end', step: 'model', seconds, summary: `${model.name} on ${engine.model.device}` });
    return engine;
  });
  return {
    folder,
    engine: lazy.get,
    emit,
    signal,
    versions,
    async close() {
      await lazy.close();
      folder.close();
    },
  };
}

/** An engine that is opened on first use and closed if it was. */
export function lazyEngine(open: () => Promise<Engine>): { get(): Promise<Engine>; close(): Promise<void> } {
  let opened: Promise<Engine> | undefined;
  return {
    get: () => {
      opened ??= open();
      return opened;
    },
    async close() {
      const engine = await opened?.catch(() => undefined);
      await engine?.close();
    },
  };
}
