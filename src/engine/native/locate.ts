import { existsSync, readdirSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { UserError } from '../../errors.js';
import type { Device } from '../types.js';

/** The one version of the prebuilt packages that this release is tested with; see package.json. */
export const PACKAGE_VERSION = '3.21.1';

/** Where the three libraries of one llama.cpp build lie. */
export interface LibraryFiles {
  folder: string;
  ggmlBase: string;
  ggml: string;
  llama: string;
  /** The device that this build was chosen for. */
  device: Exclude<Device, 'auto'>;
}

const GPU_PACKAGES: Partial<Record<Device, Record<string, string>>> = {
  cuda: { 'linux-x64': 'linux-x64-cuda', 'win32-x64': 'win-x64-cuda' },
  vulkan: { 'linux-x64': 'linux-x64-vulkan', 'win32-x64': 'win-x64-vulkan' },
  metal: { 'darwin-arm64': 'mac-arm64-metal' },
};

const CPU_PACKAGES: Record<string, string> = {
  'linux-x64': 'linux-x64',
  'linux-arm64': 'linux-arm64',
  'darwin-arm64': 'mac-arm64-metal',
  'darwin-x64': 'mac-x64',
  'win32-x64': 'win-x64',
  'win32-arm64': 'win-arm64',
};

/**
 * Finds the llama.cpp libraries: the user's own build when a folder is named, else the pinned prebuilt package for
 * this platform and device. `auto` takes an installed GPU package first, then the CPU one.
 * @throws UserError when the folder or package lacks a library, naming what to install.
 */
export function locateLibraries(device: Device, ownFolder?: string): LibraryFiles {
  if (ownFolder !== undefined) {
    const found = searchFolder(resolve(ownFolder), device === 'auto' ? 'cpu' : device);
    if (!found)
      throw new UserError(
        `No llama.cpp libraries in ${ownFolder}: expected ${fileName('llama')}, ${fileName('ggml')} and ${fileName('ggml-base')} there (build llama.cpp with BUILD_SHARED_LIBS=ON)`,
      );
    return found;
  }
  const here = `${process.platform}-${process.arch}`;
  const wanted: [Exclude<Device, 'auto'>, string | undefined][] =
    device === 'auto'
      ? [
          ['metal', GPU_PACKAGES.metal?.[here]],
          ['cuda', GPU_PACKAGES.cuda?.[here]],
          ['vulkan', GPU_PACKAGES.vulkan?.[here]],
          ['cpu', CPU_PACKAGES[here]],
        ]
      : [[device, device === 'cpu' ? CPU_PACKAGES[here] : GPU_PACKAGES[device]?.[here]]];
  for (const [kind, name] of wanted) {
    const folder = name && packageFolder(name);
    const found = folder && searchFolder(folder, kind);
    if (found) return found;
  }
  const missing = wanted[wanted.length - 1][1];
  throw new UserError(
    missing
      ? `The llama.cpp library for ${device === 'auto' ? 'this machine' : device} is not installed: run "npm install @node-llama-cpp/${missing}@${PACKAGE_VERSION}", or name your own build with --library`
      : `There is no prebuilt llama.cpp for ${device} on ${here}: choose another --device, or name your own build with --library`,
  );
}

function packageFolder(name: string): string | undefined {
  const require = createRequire(import.meta.url);
  try {
    const entry = require.resolve(`@node-llama-cpp/${name}`);
    return join(dirname(dirname(entry)), 'bins', name);
  } catch {
    return undefined;
  }
}

function fileName(stem: string): string {
  if (process.platform === 'win32') return `${stem}.dll`;
  return process.platform === 'darwin' ? `lib${stem}.dylib` : `lib${stem}.so`;
}

/**
 * Libraries carry a backend and a version in some builds: libllama.so, libllama.v0.4.0.so, libllama.vulkan.v0.4.0.so,
 * libllama.metal.v0.4.0.dylib, libllama.0.dylib, llama.dll.
 */
function searchFolder(folder: string, device: Exclude<Device, 'auto'>): LibraryFiles | undefined {
  if (!existsSync(folder) || !statSync(folder).isDirectory()) return undefined;
  const names = readdirSync(folder).sort();
  const pick = (stem: string) => {
    const pattern = new RegExp(
      `^(lib)?${stem}(\\.[a-z]+)?(\\.v?[0-9][0-9.]*)?\\.(so|dylib|dll)(\\.[0-9.]+)?$`,
    );
    const name = names.find((n) => n === fileName(stem)) ?? names.find((n) => pattern.test(n));
    return name && join(folder, name);
  };
  const [llama, ggml, ggmlBase] = [pick('llama'), pick('ggml'), pick('ggml-base')];
  return llama && ggml && ggmlBase ? { folder, llama, ggml, ggmlBase, device } : undefined;
}
