import { createHash } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { fileError } from '../../formats/file-error.js';
import { readJsonl } from '../../formats/jsonl.js';

/** Answers of LLMs by the content that they were asked about, so that none is paid for twice. */
export interface AnswerCache {
  /** The answer to the given attempt (0 is the first) at an item. */
  get(key: string, attempt: number): string | undefined;
  /** Keeps an answer. When it returns, the answer survives the death of this process. */
  put(key: string, attempt: number, raw: string): void;
  close(): void;
}

const Line = z.object({ key: z.string(), attempt: z.int(), raw: z.string() });

/** A key of everything that an answer depends on. */
export function contentKey(...parts: unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 40);
}

/**
 * Opens the cache of one judge and prompt in `folder`: a JSON Lines file that is only ever appended to, so that several
 * processes may use it at once. Lines that a killed process left unfinished are passed over.
 * @throws UserError when the file can be neither read nor written
 */
export async function openAnswerCache(folder: string, judge: string, prompt: string): Promise<AnswerCache> {
  const path = join(folder, `${fileName(judge)}-${prompt}-${contentKey(judge, prompt).slice(0, 8)}.jsonl`);
  const answers = new Map<string, string>();
  if (existsSync(path)) {
    for await (const { value } of readJsonl(path, { skipBroken: true })) {
      const line = Line.safeParse(value);
      if (line.success) answers.set(`${line.data.key} ${line.data.attempt}`, line.data.raw);
    }
  }
  let descriptor: number;
  try {
    mkdirSync(folder, { recursive: true });
    descriptor = openSync(path, 'a');
  } catch (error) {
    throw fileError(error, 'write', path);
  }
  return {
    get: (key, attempt) => answers.get(`${key} ${attempt}`),
    put(key, attempt, raw) {
      answers.set(`${key} ${attempt}`, raw);
      // The newline in front sets the line apart from one that another process died in.
      const bytes = Buffer.from(`\n${JSON.stringify({ key, attempt, raw })}\n`);
      try {
        // One call: what is appended at once is not mixed with what others append.
        if (writeSync(descriptor, bytes) < bytes.length) throw diskFull();
      } catch (error) {
        throw fileError(error, 'write', path);
      }
    },
    close: () => closeSync(descriptor),
  };
}

function diskFull(): NodeJS.ErrnoException {
  return Object.assign(new Error('short write'), { code: 'ENOSPC', syscall: 'write' });
}

function fileName(text: string): string {
  return text.replace(/[^A-Za-z0-9._-]+/g, '-').slice(0, 80);
}
