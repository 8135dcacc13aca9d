import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import koffi from 'koffi';
import { UserError } from '../../errors.js';
import type { Device } from '../types.js';
import type { Llama, Pointer } from './llama.js';
import { oneLine } from './llama.js';
import { EXTENSIONS, type LibraryFiles, PACKAGE_VERSION } from './locate.js';

/** Values of `enum ggml_backend_dev_type`. */
const DEVICE_TYPES = { cpu: [0], gpu: [1, 2] };

/** True if a device of a kind has been registered; "gpu" includes graphics that share the processor's memory. */
function hasDevice(llama: Llama, kind: keyof typeof DEVICE_TYPES): boolean {
  for (let i = 0; i < Number(llama.deviceCount()); i++) {
    const device: Pointer = llama.deviceGet(i);
    if (DEVICE_TYPES[kind].includes(llama.deviceType(device))) return true;
  }
  return false;
}

/**
 * Registers the backends of a build: those in its folder, else in the folder that was compiled into it, and the
 * extension package's if no GPU has been found.
 * @throws UserError if none of them runs on this processor.
 */
export function loadBackends(llama: Llama, files: LibraryFiles): void {
  for (const folder of files.backendFolders) {
    llama.loadBackends(folder);
    if (hasDevice(llama, 'cpu')) break;
  }
  if (!hasDevice(llama, 'cpu')) loadCompiledIn(llama, files.folder);
  if (!hasDevice(llama, 'cpu'))
    throw new UserError(
      `The llama.cpp build in ${files.folder} has no CPU backend for this processor: its libggml-cpu libraries are missing or need other instructions`,
    );
  if (files.fallbackFolder && !hasDevice(llama, 'gpu')) llama.loadBackends(files.fallbackFolder);
}

/**
 * Distributions and Homebrew keep backends in a folder of their own, which is compiled into ggml. Without a path ggml
 * also searches the working directory, whose libraries must not be run: it is changed meanwhile.
 */
function loadCompiledIn(llama: Llama, folder: string): void {
  const before = process.cwd();
  process.chdir(folder);
  try {
    llama.loadBackends(null);
  } finally {
    process.chdir(before);
  }
}

/** Why no device of a kind was found, and what to do: the loader's own words on the backend library, if it cannot be loaded. */
export function explainMissingDevice(device: Device, files: LibraryFiles): string {
  const reason = backendError(device, files.folder);
  const software =
    device === 'vulkan' ? ' (one that runs on the CPU is used only if GGML_VK_VISIBLE_DEVICES names it)' : '';
  const advice = reason ? adviceFor(device, files) : `check the driver${software}`;
  return `No ${device} device was found${reason ? ` (${reason})` : ''}: ${advice}, or use --device cpu`;
}

function backendError(device: Device, folder: string): string | undefined {
  const name = readdirSync(folder).find((file) => new RegExp(`^(lib)?ggml-${device}\\.(so|dll)$`).test(file));
  if (!name) return `no backend for ${device} in ${folder}`;
  try {
    koffi.load(join(folder, name));
    return undefined;
  } catch (error) {
    return oneLine(error).replace(/^Failed to load shared library: /, '');
  }
}

function adviceFor(device: Device, files: LibraryFiles): string {
  if (device === 'vulkan') return 'install the Vulkan loader (libvulkan1 on Debian and Ubuntu) and a driver';
  const name = Object.keys(EXTENSIONS).find((key) => files.folder.endsWith(join('bins', key)));
  if (device !== 'cuda' || !name) return 'check the driver';
  const extension = `@node-llama-cpp/${EXTENSIONS[name]}@${PACKAGE_VERSION}`;
  const runtime = 'install the NVIDIA driver and the CUDA 13 runtime (cudart, cublas)';
  return files.fallbackFolder
    ? `${runtime} or CUDA 12's`
    : `${runtime}, or for CUDA 12 "npm install ${extension}"`;
}
