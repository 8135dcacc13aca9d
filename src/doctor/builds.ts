import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { crashError } from '../engine/host/crash.js';
import { type LibraryFiles, locateLibraries, type Machine, PACKAGES } from '../engine/native/locate.js';
import type { Device } from '../engine/types.js';
import { UserError } from '../errors.js';
import type { ProbeReply, ProbeRequest } from './probe.js';
import type { BuildFacts } from './schema.js';

/** A driver that hangs must not hang the report. */
const PROBE_MS = 30_000;

export type Kind = Exclude<Device, 'auto'>;
export const KINDS: Kind[] = ['cpu', 'cuda', 'vulkan', 'metal'];

/** Builds that can be used, and why there is none for a device. */
export interface FoundBuilds {
  builds: BuildFacts[];
  missing: Partial<Record<Kind, string>>;
}

/**
 * Examines every installed llama.cpp build, or the one in `library`, each in a process of its own.
 * @param machine stands in for this machine, for tests
 */
export async function examineBuilds(library?: string, machine?: Machine): Promise<FoundBuilds> {
  if (library !== undefined) return examineOwn(library, machine);
  const { platform, arch } = machine ?? process;
  const packages = PACKAGES[`${platform}-${arch}`] ?? {};
  const missing: FoundBuilds['missing'] = {};
  const builds: BuildFacts[] = [];
  for (const kind of KINDS) {
    const files = locate(kind, undefined, machine);
    if (typeof files === 'string') {
      missing[kind] = files;
      continue;
    }
    // Apple's package is for the CPU and for Metal: the later entry stands for both.
    const same = builds.findIndex(({ folder }) => folder === files.folder);
    if (same >= 0) builds.splice(same, 1);
    const facts = await probe({ files, device: kind });
    builds.push({ package: `@node-llama-cpp/${packages[kind]}`, device: kind, ...facts });
  }
  return { builds, missing };
}

async function examineOwn(library: string, machine?: Machine): Promise<FoundBuilds> {
  const files = locate('auto', library, machine);
  const facts =
    typeof files === 'string'
      ? { folder: library, works: false, version: null, devices: [], problem: files }
      : await probe({ files, device: 'auto' }, library);
  return { builds: [{ package: null, device: null, ...facts }], missing: {} };
}

function locate(device: Device, library?: string, machine?: Machine): LibraryFiles | string {
  try {
    return locateLibraries(device, library, machine);
  } catch (error) {
    if (error instanceof UserError) return error.message;
    throw error;
  }
}

type Facts = Omit<BuildFacts, 'package' | 'device'>;

/** Loads a build in a child process. A crash there is a finding like any other. */
function probe(request: ProbeRequest, library?: string): Promise<Facts> {
  const { folder } = request.files;
  const child = fork(fileURLToPath(new URL('./probe.js', import.meta.url)), [], {
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    execArgv: [],
  });
  let stderr = '';
  let reply: ProbeReply | undefined;
  let late = false;
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-16384);
  });
  child.on('message', (message: ProbeReply) => {
    reply = message;
  });
  child.send(request, () => {});
  const timer = setTimeout(() => {
    late = true;
    child.kill('SIGKILL');
  }, PROBE_MS);
  const refused = (problem: string): Facts => ({ folder, works: false, version: null, devices: [], problem });
  return new Promise((resolve) => {
    child.on('error', (error) => {
      clearTimeout(timer);
      resolve(refused(`cannot start a process: ${error.message}`));
    });
    child.on('close', (code: number | null, signal: NodeJS.Signals | null) => {
      clearTimeout(timer);
      if (late) return resolve(refused(`does not load within ${PROBE_MS / 1000} s`));
      if (!reply) {
        const subject = folder;
        const ending = { signal, code, stderr, running: 'load', subject, library, oom: 'unknown' } as const;
        return resolve(refused(crashError(ending).message));
      }
      const { version = null, devices, problem = null } = reply;
      resolve({ folder, works: devices.length > 0, version, devices, problem });
    });
  });
}
