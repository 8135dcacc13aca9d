const UNITS: Record<string, number> = {
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};
const MIN_BYTES = 64 * 2 ** 20;
const MAX_BYTES = 2 ** 50;

/**
 * Bytes of a size with its unit: `4GiB`, `512MB`, `1.5 GB`.
 * @throws Error whose message goes on after "It", or after the name of the setting
 */
export function parseMemorySize(text: string): number {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([kmgt]i?b)\s*$/i.exec(text);
  const unit = match && UNITS[match[2].toLowerCase()];
  if (!match || !unit) throw new Error('must be a number with MB, GB, MiB or GiB, such as 4GiB');
  return checkMemory(Math.floor(Number(match[1]) * unit));
}

/** @throws Error as {@link parseMemorySize} */
export function checkMemory(bytes: number): number {
  if (!(Number.isInteger(bytes) && bytes >= MIN_BYTES && bytes <= MAX_BYTES))
    throw new Error('must be from 64MiB to 1024TiB');
  return bytes;
}
