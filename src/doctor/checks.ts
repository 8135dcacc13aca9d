import { humanBytes } from '../models/disk.js';
import { type FoundBuilds, KINDS, type Kind } from './builds.js';
import type { BuildFacts, CheckResult, DoctorReport } from './schema.js';

/** What the checks are made from. */
export type Facts = Omit<DoctorReport, 'checks' | 'ok'>;

/** Memory beside the weights that a process may take. */
const WORKING_BYTES = 1 << 30;
/** Largest part of a run folder of the default job. */
const RUN_BYTES = 100e6;

/** The default job first, then what else works here. */
export function checkFacts(facts: Facts, missing: FoundBuilds['missing']): CheckResult[] {
  const downloads = checkDownloads(facts);
  const cpu = checkCpu(facts.builds, missing);
  const gpus = KINDS.filter((kind) => kind !== 'cpu').map((kind) => checkGpu(kind, facts.builds, missing));
  return [checkDefaultJob(facts, cpu, downloads), cpu, ...gpus, downloads];
}

function checkDefaultJob(facts: Facts, cpu: CheckResult, downloads: CheckResult): CheckResult {
  const name = 'hneurons find (default model)';
  const { runtime, memory, model, places } = facts;
  const no = (reason: string): CheckResult => ({ name, works: false, reason });
  if (!runtime.supported) return no(`${runtime.name} ${runtime.version} is ${runtime.note}`);
  const usable = facts.builds.some(({ works }) => works);
  if (!usable) return no(cpu.reason);
  if (!model.cached && !downloads.works) return no(`the model is not in the cache, and ${downloads.reason}`);
  const folder = places.find((place) => place.name === 'current folder');
  if (folder && !folder.writable) return no(`current folder: ${folder.problem}; go to another, or use --out`);
  if (folder?.freeBytes != null && folder.freeBytes < RUN_BYTES)
    return no(`only ${humanBytes(folder.freeBytes)} are free in the current folder`);
  const limit = memory.limitBytes ?? memory.totalBytes;
  const needed = model.bytes + WORKING_BYTES;
  if (limit < needed) return no(`it needs ${humanBytes(needed)} of memory, there are ${humanBytes(limit)}`);
  const hint = memory.freeBytes < needed ? `little memory is free (${humanBytes(memory.freeBytes)})` : '';
  return { name, works: true, reason: hint };
}

function checkCpu(builds: BuildFacts[], missing: FoundBuilds['missing']): CheckResult {
  const name = 'models on the CPU';
  if (builds.some(({ works }) => works)) return { name, works: true, reason: '' };
  const problems = builds.flatMap(({ problem }) => problem ?? []);
  return { name, works: false, reason: problems[0] ?? missing.cpu ?? 'no llama.cpp library is installed' };
}

function checkGpu(
  kind: Exclude<Kind, 'cpu'>,
  builds: BuildFacts[],
  missing: FoundBuilds['missing'],
): CheckResult {
  const name = `--device ${kind}`;
  const build = builds.find(({ device }) => device === kind);
  if (build) {
    const gpus = build.devices.filter((device) => device.kind === 'gpu');
    return gpus.length > 0
      ? { name, works: true, reason: gpus.map(({ description }) => description).join(', ') }
      : { name, works: false, reason: build.problem ?? 'no device was found' };
  }
  const own = builds.find(({ device }) => device === null);
  if (!own) return { name, works: false, reason: missing[kind] ?? 'the library is not installed' };
  const gpu = own.devices.find((device) => device.kind === 'gpu');
  return gpu
    ? { name, works: true, reason: `if the build is for it: ${gpu.description}` }
    : { name, works: false, reason: own.problem ?? 'the named build finds no GPU' };
}

function checkDownloads({ network, places, model }: Facts): CheckResult {
  const name = 'downloads of models';
  const no = (reason: string): CheckResult => ({ name, works: false, reason });
  if (network.every(({ reachable }) => reachable === null))
    return no('the network is off: HF_HUB_OFFLINE is set');
  const lost = network.filter(({ reachable }) => reachable === false);
  const told = lost.map(({ host, detail }) => `${host} ${detail}`).join('; ');
  if (lost.length === network.length)
    return no(`${told}; check the network, or set HF_ENDPOINT or HTTPS_PROXY`);
  for (const place of places.filter((one) => one.name !== 'current folder')) {
    const variable = place.name === 'cache' ? 'HNEURONS_CACHE' : 'HF_HOME';
    if (!place.writable) return no(`${place.name}: ${place.problem}; set ${variable} to another folder`);
    if (place.freeBytes !== null && place.freeBytes < model.bytes)
      return no(`${place.name}: ${humanBytes(place.freeBytes)} are free; set ${variable} to another folder`);
  }
  if (lost.length === 0) return { name, works: true, reason: '' };
  const left = network.filter(({ reachable }) => reachable === true).map(({ host }) => host);
  return { name, works: true, reason: `only from ${left.join(', ')}; ${told}` };
}
