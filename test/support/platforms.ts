import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Machine } from '../../src/engine/native/locate.js';

interface PackageRecord {
  machine: string;
  files: string[];
  missing: string[];
  unresolved: string[];
}

/** What `node scripts/platforms/check.js` found in the prebuilt packages. */
export interface PlatformRecord {
  /** Versions that were looked for. */
  versions: string[];
  functions: string[];
  /** By `name@version`; null if that version was never published. */
  packages: Record<string, PackageRecord | null>;
}

export const platformRecord: PlatformRecord = JSON.parse(
  readFileSync('test/fixtures/platforms.json', 'utf8'),
);

/** Installs packages into a folder as empty files with the names that they have in the record. */
export function installEmpty(folder: string, names: string[], version: string): void {
  for (const name of names) {
    const root = join(folder, name);
    for (const file of platformRecord.packages[`${name}@${version}`]?.files ?? []) {
      const path = join(root, 'bins', name.replace(/-ext$/, ''), file);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, '');
    }
    writeFileSync(join(root, 'package.json'), JSON.stringify({ version }));
  }
}

/** A machine on which the given packages are installed in a folder. */
export function machineWith(
  platform: string,
  folder: string,
  installed: string[],
  musl: () => boolean = () => false,
): Machine {
  const [system, arch] = platform.split('-');
  return {
    platform: system as NodeJS.Platform,
    arch,
    musl,
    packageFolder: (name) => (installed.includes(name) ? join(folder, name) : undefined),
  };
}
