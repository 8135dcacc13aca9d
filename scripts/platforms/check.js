/**
 * Checks every prebuilt llama.cpp package, for platforms that are not at hand: `npm run build`, then
 *
 *     node scripts/platforms/check.js [FOLDER]
 *
 * Fetches each package in every pinned version and in the newest one with `npm pack` (about 1 GB, kept in FOLDER if one is
 * given), and writes test/fixtures/platforms.json: the package's files, its machine, the bound functions that its
 * libraries do not export, the libraries that it needs from the system, and the needed libraries that would not be found.
 * Exits with 1 if a package has a fault in the version that is pinned for its platform. The tests compare the record with the program's tables.
 */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pickBuild } from '../../dist/src/engine/native/builds.js';
import {
  CPU_BACKEND_FUNCTIONS,
  FUNCTIONS,
  functionName,
  LIBRARIES,
} from '../../dist/src/engine/native/functions.js';
import { EXTENSIONS, PACKAGE_VERSIONS, PACKAGES } from '../../dist/src/engine/native/locate.js';
import { newer, readBinary } from './binary.js';

/** Holds arm64 libraries, and the struct layouts do not hold on 32 bits: recorded, but never loaded. */
const UNUSED = [{ name: 'linux-armv7l', platform: 'linux', arch: 'arm', pinned: undefined }];
const RECORD = new URL('../../test/fixtures/platforms.json', import.meta.url);
const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';

const given = process.argv[2];
const folder = given ? resolve(given) : mkdtempSync(join(tmpdir(), 'hneurons-platforms-'));
mkdirSync(folder, { recursive: true });

const newest = execFileSync(npm, ['view', '@node-llama-cpp/linux-x64', 'version'], {
  encoding: 'utf8',
}).trim();
/** All versions that are pinned for a platform, and the newest. */
const versions = [...new Set([...Object.values(PACKAGE_VERSIONS), newest])].sort();
const functions = LIBRARIES.flatMap((library) => Object.values(FUNCTIONS[library]).map(functionName));
const record = {
  madeBy: 'node scripts/platforms/check.js',
  versions,
  functions: [...functions, ...Object.values(CPU_BACKEND_FUNCTIONS)].sort(),
  packages: {},
};
for (const version of versions)
  for (const { name, platform, arch, pinned } of [...packages(), ...UNUSED]) {
    const root = unpack(name, version);
    const found = root && inspect(name, version, root, platform, arch);
    record.packages[`${name}@${version}`] = found ?? null;
    const faults = found ? [...found.missing, ...found.unresolved] : ['not published'];
    console.log(`${name}@${version}: ${faults.join(', ') || 'ok'}`);
    if (version === pinned && faults.length > 0) process.exitCode = 1;
  }
writeFileSync(RECORD, compact(record));
if (!given) rmSync(folder, { recursive: true });

/** Every package that the program may load, once. */
function packages() {
  const all = new Map();
  for (const [place, byDevice] of Object.entries(PACKAGES)) {
    const [platform, arch] = place.split('-');
    const pinned = PACKAGE_VERSIONS[place];
    for (const name of Object.values(byDevice)) {
      all.set(name, { name, platform, arch, pinned });
      if (EXTENSIONS[name]) all.set(EXTENSIONS[name], { name: EXTENSIONS[name], platform, arch, pinned });
    }
  }
  return [...all.values()];
}

/** Folder of a package's files; undefined if this version of it was never published. */
function unpack(name, version) {
  const root = join(folder, `${name}-${version}`);
  const archive = join(folder, `node-llama-cpp-${name}-${version}.tgz`);
  try {
    if (!existsSync(archive))
      execFileSync(npm, ['pack', '--silent', `@node-llama-cpp/${name}@${version}`], {
        cwd: folder,
        stdio: ['ignore', 'ignore', 'pipe'],
      });
  } catch (error) {
    if (/E404|ETARGET|No match/i.test(`${error.stderr}`) || isUnpublished(name, version)) return undefined;
    throw error;
  }
  if (!existsSync(root)) {
    mkdirSync(root);
    execFileSync('tar', ['-xzf', archive, '-C', root, '--strip-components=1']);
  }
  return root;
}

/** npm names its reason only without --silent. */
function isUnpublished(name, version) {
  const versions = JSON.parse(execFileSync(npm, ['view', `@node-llama-cpp/${name}`, 'versions', '--json']));
  return ![versions].flat().includes(version);
}

function inspect(name, version, root, platform, arch) {
  const main = Object.keys(EXTENSIONS).find((key) => EXTENSIONS[key] === name) ?? name;
  const bins = join(root, 'bins', main);
  const files = readdirSync(bins, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) =>
      join(entry.parentPath ?? entry.path, entry.name)
        .slice(bins.length + 1)
        .replaceAll('\\', '/'),
    )
    .sort();
  const mainBins = main === name ? bins : join(unpack(main, version), 'bins', main);
  const { build } = pickBuild(readdirSync(mainBins), platform, undefined);
  const loaded = LIBRARIES.map((library) => ({
    library,
    file: build[library],
    at: join(mainBins, build[library]),
  }));
  const backends = files
    .filter((file) => /(^|\/)(lib)?ggml-(?!base)[^/]*\.(so|dll)$/.test(file))
    .map((file) => ({ library: undefined, file, at: join(bins, file) }));
  const out = { machine: '', files, missing: [], unresolved: [], outside: [], minimum: {} };
  const before = new Set();
  for (const { library, file, at } of [...loaded, ...backends]) {
    const binary = readBinary(readFileSync(at));
    const isOurs = library === undefined || main === name;
    if (isOurs) note(out, binary, file, library, arch);
    for (const need of binary.needs) {
      const base = need.replace(/^@rpath\//, '');
      if (!/ggml|llama/.test(base)) {
        if (isOurs) out.outside.push(base);
      } else if (!before.has(base) && !isBeside(binary, base, files))
        out.unresolved.push(`${file} needs ${need}`);
    }
    before.add((binary.name ?? file).replace(/^@rpath\//, ''));
  }
  out.outside = [...new Set(out.outside)].sort();
  return out;
}

function note(out, binary, file, library, arch) {
  out.machine = binary.machine;
  if (binary.machine !== arch) out.unresolved.push(`${file} is for ${binary.machine}`);
  for (const [kind, version] of Object.entries(binary.minimum))
    out.minimum[kind] = newer(out.minimum[kind], version);
  const wanted = library
    ? Object.values(FUNCTIONS[library]).map(functionName)
    : /ggml-cpu/.test(file)
      ? Object.values(CPU_BACKEND_FUNCTIONS)
      : [];
  for (const name of wanted) if (!binary.exports.has(name)) out.missing.push(`${file}: ${name}`);
}

/** True if the loader looks for needed libraries in the file's own folder, and this one is there. */
function isBeside(binary, need, files) {
  const own = { elf: '$ORIGIN', 'mach-o': '@loader_path' }[binary.format];
  return files.includes(need) && binary.searchPaths.includes(own);
}

/** JSON with one line for each package. */
function compact({ packages, ...rest }) {
  const lines = Object.entries(packages).map(
    ([key, value]) => `    ${JSON.stringify(key)}: ${JSON.stringify(value)}`,
  );
  return `${JSON.stringify(rest, null, 2).slice(0, -2)},\n  "packages": {\n${lines.join(',\n')}\n  }\n}\n`;
}
