import { LARGEST_ALPHA } from '../engine/steer/alpha.js';
import { STAGES } from '../pipeline/manifest.js';
import {
  CollectSettingsSchema,
  EvaluateSettingsSchema,
  ExtractSettingsSchema,
  TrainSettingsSchema,
} from '../pipeline/settings.js';
import {
  CALLBACK,
  FLAG,
  integerFrom,
  isObject,
  listOf,
  numberFrom,
  oneOf,
  partOf,
  type Rules,
  rule,
  SHARE,
  SIGNAL,
  TEXT,
} from './check.js';
import type { ExportOptions } from './detector.js';
import type { FindOptions } from './find.js';
import type { AnswerOptions, OpenOptions } from './model.js';

/** Range of alpha in an answer, as on the server: beyond it models break. */
export const ANSWER_ALPHA = [0, 3] as const;

const isText = (value: unknown) => typeof value === 'string' && value.trim() !== '';
const isIndex = (value: unknown) => Number.isSafeInteger(value) && Number(value) >= 0;

export const MODEL = rule(
  'a model that Model.open has opened',
  (value) => isObject(value) && 'engine' in value && 'info' in value,
);
export const DETECTOR = rule(
  'a detector that Detector.load has read',
  (value) => isObject(value) && 'data' in value && 'heldOut' in value,
);
export const PAIRS = listOf(
  'a list of { question, answer }, neither of them empty',
  (one) => isObject(one) && isText(one.question) && isText(one.answer),
);
export const QUESTION = rule(
  'a text that is not empty, or a list of messages { role, content } of system, user and assistant that ends with a message of the user',
  (value) =>
    isText(value) ||
    (Array.isArray(value) &&
      value.every(
        (one) =>
          isObject(one) &&
          ['system', 'user', 'assistant'].includes(String(one.role)) &&
          typeof one.content === 'string',
      ) &&
      (value as { role: string }[]).at(-1)?.role === 'user'),
);
const NEURONS = listOf(
  'a list of { layer, index }',
  (one) => isObject(one) && isIndex(one.layer) && isIndex(one.index),
);
const STYLE = oneOf('chat', 'few-shot', 'plain');

const ENGINE = {
  threads: integerFrom(1, 1024),
  device: oneOf('auto', 'cpu', 'cuda', 'vulkan', 'metal'),
  gpuLayers: integerFrom(0),
  splitMode: oneOf('none', 'layer', 'row'),
  split: rule(
    'proportions such as [3, 1]',
    (value) =>
      Array.isArray(value) &&
      value.every((part) => Number.isFinite(part) && part >= 0) &&
      value.some((part) => part > 0),
  ),
  mainGpu: integerFrom(0),
  memory: rule(
    'a size such as "4GiB", or a number of bytes',
    (value) => typeof value === 'string' || Number.isSafeInteger(value),
  ),
  library: TEXT,
  signal: SIGNAL,
};

export const OPEN: Rules<Required<OpenOptions>> = {
  ...ENGINE,
  contextTokens: integerFrom(16, 1 << 20),
  concurrency: integerFrom(1, 256),
  onNotice: CALLBACK,
};

export const ANSWER: Rules<Required<AnswerOptions>> = {
  detector: DETECTOR,
  alpha: numberFrom(...ANSWER_ALPHA),
  neurons: NEURONS,
  temperature: numberFrom(0, 2),
  topK: integerFrom(0),
  topP: rule('a number above 0 and up to 1', (value) => typeof value === 'number' && value > 0 && value <= 1),
  minP: SHARE,
  maxTokens: integerFrom(1),
  stop: listOf('a list of texts, none of them empty', (one) => typeof one === 'string' && one !== ''),
  seed: rule('a whole number', Number.isSafeInteger),
  threshold: SHARE,
  promptStyle: STYLE,
  signal: SIGNAL,
};

export const EXPORT: Rules<Required<ExportOptions>> = {
  as: oneOf('gguf-lora', 'gguf-baked', 'peft', 'neurons'),
  out: TEXT,
  model: MODEL,
  alpha: numberFrom(-LARGEST_ALPHA, LARGEST_ALPHA),
  force: FLAG,
  signal: SIGNAL,
};

export const FIND: Rules<Required<FindOptions>> = {
  ...ENGINE,
  model: TEXT,
  dataset: TEXT,
  limit: integerFrom(1),
  out: TEXT,
  seed: integerFrom(0, 2 ** 31 - 1),
  promptStyle: STYLE,
  stages: listOf(`a list of ${STAGES.join(', ')}`, (one) => (STAGES as readonly unknown[]).includes(one)),
  collect: partOf(CollectSettingsSchema),
  extract: partOf(ExtractSettingsSchema),
  train: partOf(TrainSettingsSchema),
  evaluate: partOf(EvaluateSettingsSchema),
  onEvent: CALLBACK,
};
