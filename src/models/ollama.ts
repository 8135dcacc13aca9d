import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { printable } from '../engine/gguf/values.js';
import { UserError } from '../errors.js';
import { fileSize } from './disk.js';
import { ollamaFolders } from './places.js';
import type { ResolvedModel } from './types.js';

const LAYER = 'application/vnd.ollama.image.';
const MODEL_LAYER = `${LAYER}model`;
/** Layers that change nothing about what the model writes. */
const HARMLESS = new Set(['model', 'license']);
/** A list of parameters is small; a larger one is not read. */
const MAX_PARAMS_BYTES = 1 << 16;
const ManifestSchema = z.object({
  layers: z.array(
    z.object({
      mediaType: z.string(),
      digest: z.string().regex(/^sha256:[0-9a-f]{64}$/),
      size: z.int().min(0),
    }),
  ),
});

export interface OllamaModel {
  /** As Ollama writes it: without the default host, namespace and tag. */
  name: string;
  path: string;
  size: number;
  sha256: string;
  /** What of its manifest is not used, in words. */
  unused: string[];
}

/**
 * Finds `name[:tag]` in Ollama's local store and returns its GGUF. The name may carry a namespace and a host
 * (`user/model`, `hf.co/owner/repo:Q4_K_M`).
 * @param notice hears what of the model is not used: of its layers only the weights are
 * @throws UserError when it is not installed (lists what is), is not stored as a GGUF, or is one only together with an adapter.
 */
export async function resolveOllama(
  env: NodeJS.ProcessEnv,
  name: string,
  notice: (text: string) => void,
): Promise<ResolvedModel> {
  const parts = splitName(name);
  for (const folder of ollamaFolders(env)) {
    const manifest = join(folder, 'manifests', ...parts);
    const text = await readFile(manifest, 'utf8').catch(() => undefined);
    if (text === undefined) continue;
    const model = await readModel(folder, text, shortName(parts), manifest);
    if (model.unused.length > 0) {
      notice(`ollama:${model.name}: only its weights are used, not its ${model.unused.join(', ')}`);
    }
    return {
      path: model.path,
      name: model.name.replaceAll(/[/:]/g, '-'),
      source: `ollama:${model.name}`,
      sha256: model.sha256,
    };
  }
  const installed = await listOllama(env);
  const known = installed.map((model) => `ollama:${model.name}`).join(', ');
  throw new UserError(
    `Ollama has no model ${name} in ${ollamaFolders(env).join(' or ')}; ` +
      (known
        ? `it has ${known}`
        : `fetch it with "ollama pull ${name}", or point OLLAMA_MODELS at its folder`),
  );
}

/** Every model in Ollama's stores; broken manifests are left out. */
export async function listOllama(env: NodeJS.ProcessEnv): Promise<OllamaModel[]> {
  const found: OllamaModel[] = [];
  for (const folder of ollamaFolders(env)) {
    const root = join(folder, 'manifests');
    const entries = await readdir(root, { recursive: true }).catch(() => [] as string[]);
    for (const entry of entries) {
      const path = join(root, entry);
      const parts = entry.split(/[\\/]/);
      if (parts.length !== 4) continue;
      const model = await readFile(path, 'utf8')
        .then((text) => readModel(folder, text, shortName(parts), path))
        .catch(() => undefined);
      if (model !== undefined) found.push(model);
    }
  }
  return found.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** `[host, namespace, model, tag]`, with Ollama's defaults. */
function splitName(name: string): string[] {
  const match = /^([\w.-]+(?::\d+)?\/)?([\w.-]+\/)?([\w.-]+)(?::([\w.-]+))?$/.exec(name);
  if (!match || /(^|\/)\.\.?($|[/:])/.test(name)) {
    throw new UserError(`"ollama:${name}" is not a model name; write ollama:NAME or ollama:NAME:TAG`, {
      exitCode: 2,
    });
  }
  const [first, second, model, tag] = match.slice(1).map((part) => part?.replace(/\/$/, ''));
  const [host, namespace] = second === undefined ? [undefined, first] : [first, second];
  return [host ?? 'registry.ollama.ai', namespace ?? 'library', model!, tag ?? 'latest'];
}

function shortName([host, namespace, model, tag]: string[]): string {
  const prefix =
    host === 'registry.ollama.ai'
      ? namespace === 'library'
        ? ''
        : `${namespace}/`
      : `${host}/${namespace}/`;
  return `${prefix}${model}${tag === 'latest' ? '' : `:${tag}`}`;
}

async function readModel(folder: string, text: string, name: string, manifest: string): Promise<OllamaModel> {
  const broken = (why: string, cause?: unknown) =>
    new UserError(`ollama:${name}: ${why}; fetch it again with "ollama pull ${name}"`, { cause });
  let layers: z.infer<typeof ManifestSchema>['layers'];
  try {
    layers = ManifestSchema.parse(JSON.parse(text)).layers;
  } catch (error) {
    throw broken(`its manifest ${manifest} cannot be read`, error);
  }
  const models = layers.filter(({ mediaType }) => mediaType === MODEL_LAYER);
  const [layer] = models;
  if (layer === undefined) {
    throw new UserError(
      `ollama:${name} is not stored as a GGUF (a cloud or safetensors model); choose another`,
    );
  }
  if (models.length > 1) {
    throw new UserError(
      `ollama:${name} is stored in ${models.length} parts, which cannot be read; choose another`,
    );
  }
  if (layers.some(({ mediaType }) => mediaType === `${LAYER}adapter`)) {
    throw new UserError(
      `ollama:${name} is a model with a LoRA adapter, and its base alone is another model; ` +
        'merge the two into one GGUF and pass its path',
    );
  }
  const hex = layer.digest.slice('sha256:'.length);
  for (const path of blobPaths(folder, hex)) {
    const size = await fileSize(path);
    if (size === layer.size) {
      return { name, path, size, sha256: hex, unused: await unusedLayers(folder, layers) };
    }
    if (size !== undefined) throw broken('its file is not complete');
  }
  throw broken('its file is missing');
}

/** Old versions of Ollama wrote a colon. */
function blobPaths(folder: string, hex: string): string[] {
  return [`sha256-${hex}`, `sha256:${hex}`].map((blob) => join(folder, 'blobs', blob));
}

/** The layers that say how Ollama uses the model; parameters with their names. */
async function unusedLayers(
  folder: string,
  layers: z.infer<typeof ManifestSchema>['layers'],
): Promise<string[]> {
  const unused: string[] = [];
  for (const { mediaType, digest, size } of layers) {
    const kind = mediaType.startsWith(LAYER) ? mediaType.slice(LAYER.length) : mediaType;
    if (HARMLESS.has(kind)) continue;
    const hex = digest.slice('sha256:'.length);
    const names = kind === 'params' && size <= MAX_PARAMS_BYTES ? await paramNames(folder, hex) : [];
    unused.push(printable(kind) + (names.length > 0 ? ` (${names.join(', ')})` : ''));
  }
  return unused;
}

async function paramNames(folder: string, hex: string): Promise<string[]> {
  for (const path of blobPaths(folder, hex)) {
    try {
      return Object.keys(JSON.parse(await readFile(path, 'utf8')) as object).map((name) => printable(name));
    } catch {}
  }
  return [];
}
