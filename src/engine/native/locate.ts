import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { UserError } from '../../errors.js';
import type { Device } from '../types.js';
import { type Picked, pickBuild, plainName } from './builds.js';
import { LIBRARIES } from './functions.js';

/**
 * Version of the prebuilt packages for each platform; see package.json. It is the newest that is published for the
 * platform and passes the tests: 3.22.1 holds llama.cpp 0.5.0 and exists for Linux only, 3.21.1 holds 0.4.0.
 */
export const PACKAGE_VERSIONS: Record<string, string> = {
  'linux-x64': '3.22.1',
  'linux-arm64': '3.22.1',
  'linux-riscv64': '3.21.1',
  'darwin-arm64': '3.21.1',
  'darwin-x64': '3.21.1',
  'win32-x64': '3.21.1',
  'win32-arm64': '3.21.1',
};

/** Version of the prebuilt packages for this machine; on a platform without any, the one that most platforms have. */
export const PACKAGE_VERSION = PACKAGE_VERSIONS[`${process.platform}-${process.arch}`] ?? '3.21.1';

type Kind = Exclude<Device, 'auto'>;

/** Where the three libraries of one llama.cpp build lie. */
export interface LibraryFiles {
  folder: string;
  ggmlBase: string;
  ggml: string;
  llama: string;
  /** Device that this build was chosen for. */
  device: Kind;
  /** Folders with backends, to be tried in this order until there is one for the CPU. */
  backendFolders: string[];
  /** Folder with a GPU backend for older drivers and runtimes, to be tried if the first finds no GPU. */
  fallbackFolder?: string;
}

/** Prebuilt packages of each platform, by device. */
export const PACKAGES: Record<string, Partial<Record<Kind, string>>> = {
  'linux-x64': { cpu: 'linux-x64', cuda: 'linux-x64-cuda', vulkan: 'linux-x64-vulkan' },
  'linux-arm64': { cpu: 'linux-arm64' },
  'linux-riscv64': { cpu: 'linux-riscv64' },
  'darwin-arm64': { cpu: 'mac-arm64-metal', metal: 'mac-arm64-metal' },
  'darwin-x64': { cpu: 'mac-x64' },
  'win32-x64': { cpu: 'win-x64', cuda: 'win-x64-cuda', vulkan: 'win-x64-vulkan' },
  'win32-arm64': { cpu: 'win-arm64' },
};

/** Packages with a second build of a GPU backend: of CUDA 12, where the package itself needs CUDA 13. */
export const EXTENSIONS: Record<string, string> = {
  'linux-x64-cuda': 'linux-x64-cuda-ext',
  'win-x64-cuda': 'win-x64-cuda-ext',
};

const AUTO_ORDER: Kind[] = ['metal', 'cuda', 'vulkan', 'cpu'];

/** Processors for which the struct layouts or the byte order of GGUF files do not hold. */
const UNFIT_PROCESSORS = ['arm', 'ia32', 'mips', 'mipsel', 'ppc', 's390', 's390x'];

/** The machine, as far as the choice of a library depends on it. */
export interface Machine {
  platform: NodeJS.Platform;
  arch: string;
  /** True on Linux with musl in place of glibc (Alpine). */
  musl(): boolean;
  /** Folder of an installed `@node-llama-cpp` package; `everywhere` includes the working directory's packages. */
  packageFolder(name: string, everywhere: boolean): string | undefined;
}

const THIS_MACHINE: Machine = { platform: process.platform, arch: process.arch, musl: isMusl, packageFolder };

/**
 * Finds the llama.cpp libraries: the user's own build when a folder is named, else the pinned prebuilt package for
 * this platform and device. `auto` takes an installed GPU package first, then the CPU one.
 * @throws UserError when the folder or package lacks a library, naming what to install.
 */
export function locateLibraries(device: Device, ownFolder?: string, machine = THIS_MACHINE): LibraryFiles {
  const { platform, arch } = machine;
  if (UNFIT_PROCESSORS.includes(arch))
    throw new UserError(`hneurons needs a 64-bit little-endian processor and Node for it: this is ${arch}`);
  if (ownFolder !== undefined) return locateOwn(device, ownFolder, platform);
  const packages = PACKAGES[`${platform}-${arch}`] ?? {};
  const kinds = device === 'auto' ? AUTO_ORDER : [device];
  for (const kind of kinds) {
    const name = packages[kind];
    const root = name && machine.packageFolder(name, device !== 'auto');
    const found = root && searchFolder(join(root, 'bins', name), kind, platform);
    if (!found || 'problem' in found) continue;
    return { ...found, fallbackFolder: fallbackFolder(name, root, machine) };
  }
  throw new UserError(whatToInstall(device, packages, machine));
}

function whatToInstall(device: Device, packages: Partial<Record<Kind, string>>, machine: Machine): string {
  const here = `${machine.platform}-${machine.arch}`;
  const build = 'build llama.cpp 0.4.0 or 0.5.0 with BUILD_SHARED_LIBS=ON and name its folder with --library';
  if (machine.platform === 'linux' && machine.musl())
    return `There is no prebuilt llama.cpp for Linux with musl (Alpine): use a system with glibc (Debian, Ubuntu), or ${build}`;
  const available = AUTO_ORDER.filter((kind) => packages[kind]);
  if (available.length === 0) return `There is no prebuilt llama.cpp for ${here}: ${build}`;
  const name = packages[device === 'auto' ? 'cpu' : device];
  return name
    ? `The llama.cpp library for ${device === 'auto' ? 'this machine' : device} is not installed: run "npm install @node-llama-cpp/${name}@${PACKAGE_VERSIONS[here]}", or name your own build with --library`
    : `There is no prebuilt llama.cpp for ${device} on ${here}, only for ${available.join(', ')}: choose another --device, or name your own build with --library`;
}

/** The extension package's folder, if it is installed in the same version: ggml's interface to backends differs between versions. */
function fallbackFolder(name: string, root: string, machine: Machine): string | undefined {
  const extension = EXTENSIONS[name];
  const extensionRoot = extension && machine.packageFolder(extension, true);
  if (!extensionRoot || packageVersion(extensionRoot) !== packageVersion(root)) return undefined;
  return join(extensionRoot, 'bins', name, 'fallback');
}

function packageVersion(root: string): string {
  return JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version;
}

/** Resolved from this program and, if the package may be elsewhere, from the working directory, where `npm install` puts it. */
function packageFolder(name: string, everywhere: boolean): string | undefined {
  const from = [import.meta.url, ...(everywhere ? [join(process.cwd(), 'package.json')] : [])];
  for (const place of from) {
    try {
      return dirname(dirname(createRequire(place).resolve(`@node-llama-cpp/${name}`)));
    } catch {
      // Not there.
    }
  }
  return undefined;
}

function isMusl(): boolean {
  const report = process.report?.getReport() as { header?: { glibcVersionRuntime?: string } } | undefined;
  return report?.header !== undefined && report.header.glibcVersionRuntime === undefined;
}

/** Folders of a source tree, an installation or a release archive that hold the libraries. */
const SUBFOLDERS = ['', 'build/bin', 'build/bin/Release', 'bin', 'lib'];

function locateOwn(device: Device, ownFolder: string, platform: NodeJS.Platform): LibraryFiles {
  const root = resolve(ownFolder);
  if (!existsSync(root) || !statSync(root).isDirectory())
    throw new UserError(`${ownFolder} is not a folder: name the one that holds the llama.cpp libraries`);
  let first: Exclude<Picked, { build: unknown }> = { problem: 'none' };
  for (const folder of SUBFOLDERS.map((name) => join(root, name))) {
    const found = searchFolder(folder, device, platform);
    if (!('problem' in found)) return found;
    if (first.problem === 'none') first = found;
  }
  throw new UserError(whyUnfit(first, ownFolder, device, platform));
}

function whyUnfit(
  why: Exclude<Picked, { build: unknown }>,
  folder: string,
  device: Device,
  platform: NodeJS.Platform,
): string {
  const list = (names: string[]) => names.join(', ');
  switch (why.problem) {
    case 'incomplete':
      return `The llama.cpp build in ${folder} is incomplete: there is ${list(why.has)}, but no ${list(why.lacks)} (name the folder that holds them all)`;
    case 'mixed':
      return `The llama.cpp libraries in ${folder} are of different builds (${list(why.files)}): name a folder that holds one build only`;
    case 'backend':
      return `The llama.cpp build in ${folder} is for ${why.backend}, not for ${device}: choose another --device, or name another build`;
    case 'none':
      return `No llama.cpp libraries in ${folder}: expected ${list(LIBRARIES.map((name) => plainName(name, platform)))} there (build llama.cpp with BUILD_SHARED_LIBS=ON)`;
  }
}

function searchFolder(
  folder: string,
  device: Device,
  platform: NodeJS.Platform,
): LibraryFiles | Exclude<Picked, { build: unknown }> {
  if (!existsSync(folder)) return { problem: 'none' };
  // A link that leads nowhere is no library.
  const names = readdirSync(folder).filter((name) => existsSync(join(folder, name)));
  const picked = pickBuild(names, platform, device === 'auto' ? undefined : device);
  if ('problem' in picked) return picked;
  const [ggmlBase, ggml, llama] = LIBRARIES.map((name) => join(folder, picked.build[name]));
  // The backends lie beside the files themselves, also if the folder holds links to them.
  const backendFolders = [...new Set([folder, dirname(realpathSync(ggml))])];
  return { folder, ggmlBase, ggml, llama, device: device === 'auto' ? 'cpu' : device, backendFolders };
}
