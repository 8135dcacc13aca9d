import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../errors.js';
import { fileError } from '../formats/file-error.js';
import { documentRecords, fileBytes, jsonRecords, plainNames } from '../questions/records.js';
import { isFlat, isObject } from './records.js';

export const FORMATS = ['samples', 'answer-tokens', 'ids', 'activations', 'classifier', 'judged'] as const;
export type Format = (typeof FORMATS)[number];

/** So many lines are looked at before a file counts as none of the formats. */
const LINES_TRIED = 100;

/**
 * Which of the formats a file or folder is of, by its name and content.
 * @throws UserError when it is of none.
 */
export async function detectFormat(path: string): Promise<Format> {
  let isFolder: boolean;
  try {
    isFolder = statSync(path).isDirectory();
  } catch (error) {
    throw fileError(error, 'read', path);
  }
  if (isFolder) return existsSync(join(path, 'coef.npy')) ? 'classifier' : 'activations';
  if (/\.(pkl|pickle|joblib|safetensors)$/i.test(path)) return 'classifier';
  if (/\.([ct]sv|parquet)$/i.test(path)) return 'judged';
  if (/\.json$/i.test(path)) {
    const format = await formatOfDocument(path);
    if (format !== undefined) return format;
  }
  let tried = 0;
  for await (const { value } of jsonRecords(fileBytes(path))) {
    const format = isObject(value) ? formatOf(value) : undefined;
    if (format !== undefined) return format;
    if (++tried === LINES_TRIED) break;
  }
  throw new UserError(
    `${path} is of none of the formats ${FORMATS.join(', ')}: a line of it has neither responses, answer_tokens nor a label; name the format with --format`,
  );
}

function formatOf(value: Record<string, unknown>): Format | undefined {
  const record = isFlat(value) ? value : Object.values(value)[0];
  const inner = isObject(record) ? plainNames(record, []) : undefined;
  if (!isObject(inner)) return undefined;
  if ('responses' in inner) return 'samples';
  if ('answer_tokens' in inner && ('tokenized_response' in inner || 'tokens' in inner))
    return 'answer-tokens';
  return 'response' in inner && ('label' in inner || 'judge' in inner) ? 'judged' : undefined;
}

async function formatOfDocument(path: string): Promise<Format | undefined> {
  const [first] = (await documentRecords(path)) ?? [];
  if (!isObject(first?.value)) return undefined;
  return 't' in first.value && 'f' in first.value ? 'ids' : formatOf(first.value);
}
