import { LIBRARIES, type LibraryName } from './functions.js';

/** File names of the three libraries of one llama.cpp build. */
export type BuildFiles = Record<LibraryName, string>;

/** One library file, by the parts of its name. */
interface Candidate {
  file: string;
  library: LibraryName;
  /** "vulkan" in libllama.vulkan.v0.4.0.so; empty if the name has none. */
  backend: string;
  /** "0.4.0" in libllama.vulkan.v0.4.0.so: the release, the same for all libraries of a build. */
  release: string;
  /** "0.0.7000" in libllama.so.0.0.7000 or libllama.0.0.7000.dylib: llama and ggml count these separately. */
  suffix: string;
}

const EXTENSION = { win32: 'dll', darwin: 'dylib' } as const;

/** File name of a library as CMake calls it on a platform. */
export function plainName(library: LibraryName, platform: NodeJS.Platform): string {
  const extension = EXTENSION[platform as keyof typeof EXTENSION] ?? 'so';
  return platform === 'win32' ? `${library}.${extension}` : `lib${library}.${extension}`;
}

const NAME =
  /^(?:lib)?(llama|ggml-base|ggml)(?:\.([a-z]+))?(?:\.v(\d+(?:\.\d+)*)|\.(\d+(?:\.\d+)*))?\.(so|dylib|dll)(?:\.(\d+(?:\.\d+)*))?$/;

function parseNames(names: string[], platform: NodeJS.Platform): Candidate[] {
  const extension = EXTENSION[platform as keyof typeof EXTENSION] ?? 'so';
  return names.flatMap((file) => {
    const match = NAME.exec(file);
    if (match?.[5] !== extension) return [];
    const [, library, backend = '', release = '', inner = '', , outer = ''] = match;
    return [{ file, library: library as LibraryName, backend, release, suffix: inner || outer }];
  });
}

/** Result of {@link pickBuild}: the files, or why there are none. */
export type Picked =
  | { build: BuildFiles }
  | { problem: 'none' }
  | { problem: 'incomplete'; has: string[]; lacks: string[] }
  | { problem: 'mixed'; files: string[] }
  | { problem: 'backend'; backend: string };

/**
 * Chooses the three libraries of one build among the file names of a folder. `wanted` is the backend that is asked for,
 * or undefined for any: then a GPU build is preferred. Libraries of different releases or backends are never combined.
 */
export function pickBuild(names: string[], platform: NodeJS.Platform, wanted: string | undefined): Picked {
  const candidates = parseNames(names, platform);
  const of = (library: LibraryName) => candidates.filter((candidate) => candidate.library === library);
  if (candidates.length === 0) return { problem: 'none' };
  const lacks = LIBRARIES.filter((library) => of(library).length === 0);
  if (lacks.length > 0)
    return {
      problem: 'incomplete',
      has: candidates.map(({ file }) => file),
      lacks: lacks.map((library) => plainName(library, platform)),
    };
  const releases = new Set(candidates.map(({ release }) => release).filter((release) => release !== ''));
  const mixed: Picked = { problem: 'mixed', files: candidates.map(({ file }) => file) };
  // ggml-base has no release in its name, so it cannot be told whose it is.
  if (releases.size > 1) return mixed;
  const fits = of('llama').filter(({ backend }) => isWanted(backend, wanted));
  if (fits.length === 0) return { problem: 'backend', backend: of('llama')[0].backend };
  for (const llama of fits.sort(byPreference(wanted))) {
    const build = completeBuild(llama, of('ggml'), of('ggml-base'));
    if (build) return { build };
  }
  return mixed;
}

/** A build whose name has no backend may hold any; one that is named for another GPU cannot be the wanted one. */
function isWanted(backend: string, wanted: string | undefined): boolean {
  return backend === '' || wanted === undefined || wanted === 'cpu' || backend === wanted;
}

function byPreference(wanted: string | undefined): (a: Candidate, b: Candidate) => number {
  const backends = wanted === 'cpu' ? ['', 'metal', 'vulkan', 'cuda'] : ['metal', 'cuda', 'vulkan', ''];
  const rank = ({ backend }: Candidate) =>
    backend === wanted ? -1 : (backends.indexOf(backend) + backends.length) % backends.length;
  return (a, b) => rank(a) - rank(b) || bySuffix(a, b);
}

/** Links come before the files that they lead to: libllama.so, libllama.so.0, libllama.so.0.0.7000. */
function bySuffix(a: Candidate, b: Candidate): number {
  return a.suffix.length - b.suffix.length || b.suffix.localeCompare(a.suffix, undefined, { numeric: true });
}

function completeBuild(llama: Candidate, ggmls: Candidate[], bases: Candidate[]): BuildFiles | undefined {
  const ofBuild = ({ backend, release }: Candidate) => backend === llama.backend && release === llama.release;
  const match = (files: Candidate[]): Candidate | undefined => {
    const same = files.filter(ofBuild).sort(bySuffix);
    // llama and ggml number their files separately: without an equal number, all must be links to one file.
    const lone = same.every(({ suffix }) => `${suffix}.`.startsWith(same[0].suffix && `${same[0].suffix}.`));
    return same.find(({ suffix }) => suffix === llama.suffix) ?? (lone ? same[0] : undefined);
  };
  const ggml = match(ggmls);
  const shared = bases.filter(({ backend, release, suffix }) => !backend && !release && !suffix);
  const base = match(bases) ?? shared[0];
  return ggml && base && { llama: llama.file, ggml: ggml.file, 'ggml-base': base.file };
}
