import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import type { DoctorReport } from './schema.js';

/** Instruction sets that decide which build of the CPU backend is loaded, as Linux names them. */
const INSTRUCTIONS = [
  ...['sse4_2', 'avx', 'f16c', 'fma', 'avx2', 'bmi2', 'avx_vnni', 'avx512f', 'avx512vl', 'avx512_vnni'],
  ...[
    'avx512_bf16',
    'amx_tile',
    'amx_int8',
    'asimd',
    'fphp',
    'asimddp',
    'i8mm',
    'bf16',
    'sve',
    'sve2',
    'sme',
  ],
];

/** Operating system, C library, processor. Everything that cannot be told is left out. */
export function describeMachine(): DoctorReport['system'] {
  const info = readText('/proc/cpuinfo');
  return {
    platform: process.platform,
    release: release(),
    arch: process.arch,
    libc: process.platform === 'linux' ? libc() : null,
    layers: layers(),
    processor: cpus()[0]?.model.trim() || 'unknown processor',
    instructions: instructionSets(info),
  };
}

/** Relevant instruction sets among the flags of /proc/cpuinfo (`flags` on x64, `Features` on arm64). */
export function instructionSets(info: string): string[] {
  const flags = new Set(/^(?:flags|Features)\s*:(.*)$/m.exec(info)?.[1].trim().split(/\s+/));
  return INSTRUCTIONS.filter((name) => flags.has(name));
}

function libc(): string | null {
  const report = process.report?.getReport() as { header?: { glibcVersionRuntime?: string } } | undefined;
  if (report?.header === undefined) return null;
  const version = report.header.glibcVersionRuntime;
  return version === undefined ? 'musl' : `glibc ${version}`;
}

function layers(): string[] {
  const found: string[] = [];
  if (process.platform === 'linux' && /microsoft/i.test(release())) found.push('WSL');
  if (existsSync('/.dockerenv') || existsSync('/run/.containerenv')) found.push('container');
  if (process.platform === 'darwin' && process.arch === 'x64' && isTranslated()) found.push('Rosetta');
  return found;
}

function isTranslated(): boolean {
  try {
    return execFileSync('sysctl', ['-n', 'sysctl.proc_translated'], { encoding: 'utf8' }).trim() === '1';
  } catch {
    return false;
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
