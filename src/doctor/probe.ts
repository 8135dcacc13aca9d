/** The process that loads one llama.cpp build and reports its devices: native code may crash. See builds.ts. */
import { explainMissingDevice, loadBackends } from '../engine/native/backends.js';
import { loadLlama, type Pointer } from '../engine/native/llama.js';
import type { LibraryFiles } from '../engine/native/locate.js';
import type { Device } from '../engine/types.js';
import { UserError } from '../errors.js';
import type { DeviceFacts } from './schema.js';

export interface ProbeRequest {
  files: LibraryFiles;
  device: Device;
}

export interface ProbeReply {
  version?: string;
  devices: DeviceFacts[];
  problem?: string;
}

const KINDS: DeviceFacts['kind'][] = ['cpu', 'gpu', 'gpu', 'accelerator'];

function examine({ files, device }: ProbeRequest): ProbeReply {
  const llama = loadLlama(files);
  loadBackends(llama, files);
  llama.backendInit();
  const devices: DeviceFacts[] = [];
  for (let i = 0; i < Number(llama.deviceCount()); i++) {
    const pointer: Pointer = llama.deviceGet(i);
    const [free, total] = [new BigUint64Array(1), new BigUint64Array(1)];
    llama.deviceMemory(pointer, free, total);
    devices.push({
      kind: KINDS[llama.deviceType(pointer)] ?? 'accelerator',
      description: String(llama.deviceDescription(pointer)),
      freeBytes: Number(total[0]) > 0 ? Number(free[0]) : null,
      totalBytes: Number(total[0]) || null,
    });
  }
  const wantsGpu = device !== 'auto' && device !== 'cpu';
  const missing = wantsGpu && !devices.some(({ kind }) => kind === 'gpu');
  return {
    version: llama.version(),
    devices,
    problem: missing ? explainMissingDevice(device, files) : undefined,
  };
}

process.on('message', (request: ProbeRequest) => {
  let reply: ProbeReply;
  try {
    reply = examine(request);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    reply = { devices: [], problem: error instanceof UserError ? text : `unexpected error: ${text}` };
  }
  process.send?.(reply, () => process.exit(0));
});
process.on('disconnect', () => process.exit(0));
