import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';

/** JSON with sorted keys: equal values give equal text, whatever the order in which they were built. */
export function stableJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

/** SHA-256 of a text, as lower-case hex. */
export function hashText(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** SHA-256 of a file, as lower-case hex. `onBytes` gets the number of bytes read so far. */
export async function hashFile(
  path: string,
  options: { onBytes?: (bytes: number) => void; signal?: AbortSignal } = {},
): Promise<string> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20, signal: options.signal })) {
    hash.update(chunk as Buffer);
    bytes += (chunk as Buffer).length;
    options.onBytes?.(bytes);
  }
  return hash.digest('hex');
}

/** Everything that decides what a stage produces. */
export interface StageIdentity {
  stage: string;
  settings: Record<string, unknown>;
  /** Hashes of what the stage reads that no earlier stage made. */
  inputs: Record<string, string>;
  /** Fingerprints of the stages that it builds on. */
  after: Record<string, string>;
}

/** The fingerprint of a stage: equal fingerprints mean that its result can be used again. */
export function fingerprint(identity: StageIdentity): string {
  return hashText(stableJson(identity));
}

/** What differs between two identities, in words, e.g. `temperature changed from 1 to 0.7`. Empty when nothing does. */
export function describeChange(
  old: Omit<StageIdentity, 'stage'>,
  now: Omit<StageIdentity, 'stage'>,
): string[] {
  const changes: string[] = [];
  for (const key of changedKeys(old.settings, now.settings)) {
    changes.push(`${key} changed from ${show(old.settings[key])} to ${show(now.settings[key])}`);
  }
  for (const key of changedKeys(old.inputs, now.inputs)) changes.push(`${key} changed`);
  for (const key of changedKeys(old.after, now.after)) changes.push(`${key} was run again`);
  return changes;
}

/** The keys whose values differ, in the order of `now`, then those that only `old` has. */
export function changedKeys(old: Record<string, unknown>, now: Record<string, unknown>): string[] {
  return [...new Set([...Object.keys(now), ...Object.keys(old)])].filter(
    (key) => stableJson(old[key] ?? null) !== stableJson(now[key] ?? null),
  );
}

function show(value: unknown): string {
  return value === undefined || value === null
    ? 'none'
    : typeof value === 'string'
      ? value
      : stableJson(value);
}
