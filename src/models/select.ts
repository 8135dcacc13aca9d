import { UserError } from '../errors.js';

/** A model in a repository: one GGUF, or all shards of a split one in order. */
export interface Candidate<T> {
  /** Path of the file (of the first shard) in the repository. */
  name: string;
  files: T[];
}

const SHARD = /-(\d{5})-of-(\d{5})\.gguf$/i;
/** Vision projectors, importance matrices and draft heads are GGUFs too, but no language models. */
const COMPANION = /(^|[-._/])(mmproj|imatrix)/i;

/** Groups a repository's files into models; files that are no GGUF are left out. */
export function candidates<T extends { path: string }>(files: readonly T[]): Candidate<T>[] {
  const groups = new Map<string, T[]>();
  for (const file of [...files].sort((a, b) => (a.path < b.path ? -1 : 1))) {
    if (!/\.gguf$/i.test(file.path)) continue;
    const key = file.path.replace(SHARD, (_, _shard, count) => `-of-${count}.gguf`);
    groups.set(key, [...(groups.get(key) ?? []), file]);
  }
  return [...groups.values()].map((group) => ({ name: group[0]!.path, files: group }));
}

/**
 * The model that `selector` means: a path in the repository, a file name, or a quantisation such as `Q4_K_M`
 * (any case; a whole word of the name, so that `Q4_K` is not `Q4_K_M`). No selector: the only model there is.
 * @throws UserError when no model or several fit (it lists them), or shards are missing.
 */
export function selectModel<T extends { path: string }>(
  files: readonly T[],
  selector: string | undefined,
  repo: string,
): Candidate<T> {
  const all = candidates(files);
  const models = all.filter((candidate) => !COMPANION.test(candidate.name));
  if (all.length === 0) {
    throw new UserError(`hf:${repo} has no GGUF file; look for a repository whose name ends in -GGUF`);
  }
  const exact =
    selector === undefined
      ? undefined
      : (all.find(({ files }) => files.some(({ path }) => path === selector)) ??
        all.find(({ files }) => files.some(({ path }) => path.split('/').pop() === selector)));
  const fitting =
    exact !== undefined
      ? [exact]
      : models.filter((model) => selector === undefined || hasWord(model.name, selector));
  if (fitting.length === 0) {
    throw new UserError(`hf:${repo} has no GGUF that fits ":${selector}"; it has ${names(all)}`, {
      exitCode: 2,
    });
  }
  if (fitting.length > 1) {
    throw new UserError(
      `hf:${repo} has several GGUF files${selector === undefined ? '' : ` that fit ":${selector}"`}; ` +
        `name one as hf:${repo}:FILE, with FILE one of ${names(fitting)}`,
      { exitCode: 2 },
    );
  }
  const chosen = fitting[0]!;
  const count = Number(SHARD.exec(chosen.name)?.[2] ?? 1);
  if (chosen.files.length !== count) {
    throw new UserError(
      `hf:${repo}: only ${chosen.files.length} of the ${count} parts of ${chosen.name} exist`,
    );
  }
  return chosen;
}

function hasWord(name: string, word: string): boolean {
  const stem = name.replace(SHARD, '').replace(/\.gguf$/i, '');
  const escaped = word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`(^|[-._/])${escaped}($|[-./])`, 'i').test(stem);
}

function names(list: readonly Candidate<unknown>[]): string {
  return list
    .map(({ name, files }) => (files.length > 1 ? `${name} (${files.length} parts)` : name))
    .join(', ');
}
