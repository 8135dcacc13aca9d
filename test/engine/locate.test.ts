import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, it } from 'node:test';
import { EXTENSIONS, type LibraryFiles, locateLibraries, PACKAGES } from '../../src/engine/native/locate.js';
import type { Device } from '../../src/engine/types.js';
import { expectUserError } from '../support/expect-user-error.js';
import { installEmpty, machineWith, platformRecord } from '../support/platforms.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();
const PREFIXES = { 'linux-': 'lib', 'darwin-': 'lib', 'win32-': '' };

const names = ({ ggmlBase, ggml, llama }: LibraryFiles) =>
  [ggmlBase, ggml, llama].map((path) => basename(path));

/** A machine with nothing installed. */
const bare = (platform: string, musl = false) => machineWith(platform, folder, [], () => musl);

let count = 0;
/** A folder of empty files. */
function folderOf(...files: string[]): string {
  const path = join(folder, `own-${count++}`);
  mkdirSync(path);
  for (const file of files) writeFileSync(join(path, file), '');
  return path;
}

describe('every prebuilt package, in each version', () => {
  for (const version of platformRecord.versions)
    for (const [platform, byDevice] of Object.entries(PACKAGES))
      for (const [device, name] of Object.entries(byDevice)) {
        if (!platformRecord.packages[`${name}@${version}`]) continue;
        it(`${name} ${version} for ${device}`, () => {
          const place = join(folder, version);
          const installed = [name, EXTENSIONS[name]].filter((each) => each !== undefined);
          installEmpty(place, installed, version);
          const machine = machineWith(platform, place, installed);
          const found = locateLibraries(device as Device, undefined, machine);
          const bins = join(place, name, 'bins', name);
          const prefix = Object.entries(PREFIXES).find(([system]) => platform.startsWith(system))?.[1];
          const release = /ggml[.a-z]*\.v([\d.]+)\./.exec(readdirSync(bins).join('\n'))?.[1];
          const backend = /-(cuda|vulkan|metal)$/.exec(name)?.[0].replace('-', '.') ?? '';
          const extension = { linux: 'so', darwin: 'dylib', win32: 'dll' }[platform.split('-')[0]];
          assert.deepEqual(names(found), [
            `${prefix}ggml-base.${extension}`,
            `${prefix}ggml${backend}.v${release}.${extension}`,
            `${prefix}llama${backend}.v${release}.${extension}`,
          ]);
          assert.equal(found.folder, bins);
          assert.deepEqual(found.backendFolders, [bins]);
          assert.equal(found.device, device);
          const { llama, fallbackFolder } = locateLibraries('auto', undefined, machine);
          assert.deepEqual([llama, fallbackFolder], [found.llama, found.fallbackFolder]);
          assert.deepEqual(names(locateLibraries('auto', bins, machine)), names(found));
          if (!EXTENSIONS[name]) return assert.equal(found.fallbackFolder, undefined);
          assert.ok(readdirSync(found.fallbackFolder ?? '').some((file) => /ggml-cuda\./.test(file)));
        });
      }
});

it('an extension package of another version is left alone', () => {
  const place = join(folder, 'versions');
  installEmpty(place, ['linux-x64-cuda'], '3.21.1');
  installEmpty(place, ['linux-x64-cuda-ext'], '3.22.1');
  const machine = machineWith('linux-x64', place, ['linux-x64-cuda', 'linux-x64-cuda-ext']);
  assert.equal(locateLibraries('cuda', undefined, machine).fallbackFolder, undefined);
});

it('auto prefers Metal, CUDA, Vulkan and the CPU, in this order', () => {
  const place = join(folder, 'order');
  const all = Object.values(PACKAGES['linux-x64']);
  installEmpty(place, all, '3.21.1');
  const pick = (...installed: string[]) =>
    basename(locateLibraries('auto', undefined, machineWith('linux-x64', place, installed)).folder);
  assert.equal(pick(...all), 'linux-x64-cuda');
  assert.equal(pick('linux-x64', 'linux-x64-vulkan'), 'linux-x64-vulkan');
  assert.equal(pick('linux-x64'), 'linux-x64');
});

describe('what to install', () => {
  const cases: [string, Device, RegExp, boolean?][] = [
    [
      'linux-x64',
      'auto',
      /for this machine is not installed: run "npm install @node-llama-cpp\/linux-x64@3\.22\.1"/,
    ],
    [
      'linux-x64',
      'cuda',
      /for cuda is not installed: run "npm install @node-llama-cpp\/linux-x64-cuda@3\.22\.1"/,
    ],
    ['win32-x64', 'vulkan', /"npm install @node-llama-cpp\/win-x64-vulkan@3\.21\.1"/],
    ['win32-arm64', 'auto', /"npm install @node-llama-cpp\/win-arm64@3\.21\.1"/],
    ['darwin-arm64', 'auto', /"npm install @node-llama-cpp\/mac-arm64-metal@3\.21\.1"/],
    ['darwin-arm64', 'metal', /"npm install @node-llama-cpp\/mac-arm64-metal@3\.21\.1"/],
    ['darwin-arm64', 'cuda', /no prebuilt llama\.cpp for cuda on darwin-arm64, only for metal, cpu: choose/],
    ['darwin-x64', 'metal', /no prebuilt llama\.cpp for metal on darwin-x64, only for cpu: choose/],
    [
      'linux-arm64',
      'cuda',
      /no prebuilt llama\.cpp for cuda on linux-arm64, only for cpu: choose another --device/,
    ],
    ['linux-riscv64', 'auto', /"npm install @node-llama-cpp\/linux-riscv64@3\.21\.1"/],
    ['linux-x64', 'auto', /no prebuilt llama\.cpp for Linux with musl \(Alpine\).*--library/, true],
    [
      'freebsd-x64',
      'auto',
      /no prebuilt llama\.cpp for freebsd-x64: build llama\.cpp 0\.4\.0 or 0\.5\.0.*--library/,
    ],
    ['android-arm64', 'auto', /no prebuilt llama\.cpp for android-arm64: build/],
    ['linux-ppc64', 'cpu', /no prebuilt llama\.cpp for linux-ppc64: build/],
    ['linux-arm', 'auto', /needs a 64-bit little-endian processor.*this is arm$/],
    ['win32-ia32', 'auto', /needs a 64-bit little-endian processor.*this is ia32$/],
    ['linux-s390x', 'auto', /needs a 64-bit little-endian processor/],
  ];
  for (const [platform, device, message, musl] of cases)
    it(`${platform} ${device}${musl ? ' with musl' : ''}`, () =>
      expectUserError(() => locateLibraries(device, undefined, bare(platform, musl)), message));
});

describe("layouts of the user's own build", () => {
  const layouts: [string, string, string[], string[]][] = [
    [
      'CMake on Linux, without links',
      'linux-x64',
      ['libggml-base.so', 'libggml-cpu.so', 'libggml.so', 'libllama.so', 'libllama-common.so', 'libmtmd.so'],
      ['libggml-base.so', 'libggml.so', 'libllama.so'],
    ],
    [
      'Debian, without the development package',
      'linux-x64',
      [
        'libggml-base.so.0',
        'libggml-base.so.0.9.5',
        'libggml.so.0',
        'libggml.so.0.9.5',
        'libllama.so.0',
        'libllama.so.0.0.7000',
      ],
      ['libggml-base.so.0', 'libggml.so.0', 'libllama.so.0'],
    ],
    [
      'numbered files only, which llama and ggml count separately',
      'linux-arm64',
      ['libggml-base.so.0.9.5', 'libggml.so.0.9.5', 'libllama.so.0.0.7000'],
      ['libggml-base.so.0.9.5', 'libggml.so.0.9.5', 'libllama.so.0.0.7000'],
    ],
    [
      'links for one library only',
      'linux-x64',
      [
        'libggml-base.so.0',
        'libggml-base.so.0.9.5',
        'libggml.so.0',
        'libggml.so.0.9.5',
        'libllama.so.0.0.7000',
      ],
      ['libggml-base.so.0', 'libggml.so.0', 'libllama.so.0.0.7000'],
    ],
    [
      'Homebrew',
      'darwin-arm64',
      [
        'libggml-base.0.9.5.dylib',
        'libggml-base.0.dylib',
        'libggml-base.dylib',
        'libggml.0.dylib',
        'libggml.dylib',
        'libllama.0.0.7000.dylib',
        'libllama.0.dylib',
        'libllama.dylib',
      ],
      ['libggml-base.dylib', 'libggml.dylib', 'libllama.dylib'],
    ],
    [
      'macOS, one number',
      'darwin-x64',
      ['libggml-base.0.dylib', 'libggml.0.dylib', 'libllama.0.dylib'],
      ['libggml-base.0.dylib', 'libggml.0.dylib', 'libllama.0.dylib'],
    ],
    [
      'Windows',
      'win32-x64',
      ['ggml-base.dll', 'ggml-cpu-haswell.dll', 'ggml.dll', 'llama.dll', 'llama.lib', 'llama-common.dll'],
      ['ggml-base.dll', 'ggml.dll', 'llama.dll'],
    ],
    [
      'Windows, MinGW',
      'win32-x64',
      ['libggml-base.dll', 'libggml.dll', 'libllama.dll'],
      ['libggml-base.dll', 'libggml.dll', 'libllama.dll'],
    ],
    [
      'libraries of other systems beside them',
      'linux-x64',
      [
        'libggml-base.dylib',
        'libggml.dylib',
        'libllama.dylib',
        'libggml-base.so',
        'libggml.so',
        'libllama.so',
        'llama.dll',
      ],
      ['libggml-base.so', 'libggml.so', 'libllama.so'],
    ],
    [
      'two backends of one release, of which only one is complete',
      'linux-x64',
      ['libggml-base.so', 'libggml.v0.4.0.so', 'libllama.v0.4.0.so', 'libllama.vulkan.v0.4.0.so'],
      ['libggml-base.so', 'libggml.v0.4.0.so', 'libllama.v0.4.0.so'],
    ],
  ];
  for (const [title, platform, files, expected] of layouts)
    it(title, () =>
      assert.deepEqual(names(locateLibraries('auto', folderOf(...files), bare(platform))), expected),
    );

  it('a source tree, an installation, a release archive', () => {
    for (const inner of ['build/bin', 'build/bin/Release', 'bin', 'lib']) {
      const root = folderOf('README.md');
      mkdirSync(join(root, inner), { recursive: true });
      for (const name of ['libggml-base.so', 'libggml.so', 'libllama.so'])
        writeFileSync(join(root, inner, name), '');
      assert.equal(locateLibraries('cpu', root, bare('linux-x64')).folder, join(root, inner));
    }
  });

  it('links into another folder, where the backends lie; links that lead nowhere', () => {
    const real = folderOf(
      'libggml-base.so.0.9.5',
      'libggml.so.0.9.5',
      'libllama.so.0.0.7000',
      'libggml-cpu.so',
    );
    const links = folderOf();
    symlinkSync(join(real, 'gone'), join(links, 'libllama.so'));
    symlinkSync(join(real, 'libllama.so.0.0.7000'), join(links, 'libllama.so.0'));
    symlinkSync(join(real, 'libggml.so.0.9.5'), join(links, 'libggml.so.0'));
    symlinkSync(join(real, 'libggml-base.so.0.9.5'), join(links, 'libggml-base.so.0'));
    const found = locateLibraries('cpu', links, bare('linux-x64'));
    assert.deepEqual(names(found), ['libggml-base.so.0', 'libggml.so.0', 'libllama.so.0']);
    assert.deepEqual(found.backendFolders, [links, real]);
  });

  it('several backends of one release: the one that is asked for', () => {
    const build = (backend: string) => [`libggml${backend}.v0.4.0.so`, `libllama${backend}.v0.4.0.so`];
    const all = folderOf('libggml-base.so', ...build(''), ...build('.vulkan'), ...build('.cuda'));
    const pick = (device: Device) => names(locateLibraries(device, all, bare('linux-x64'))).slice(1);
    assert.deepEqual(pick('cpu'), build(''));
    assert.deepEqual(pick('vulkan'), build('.vulkan'));
    assert.deepEqual(pick('cuda'), build('.cuda'));
    assert.deepEqual(pick('auto'), build('.cuda'));
  });
});

describe('folders that are refused', () => {
  const cases: [string, string[], RegExp, Device?][] = [
    [
      'nothing there',
      ['notes.txt'],
      /No llama\.cpp libraries in .*expected libggml-base\.so, libggml\.so, libllama\.so/,
    ],
    [
      'ggml is elsewhere',
      ['libllama.so.0'],
      /incomplete: there is libllama\.so\.0, but no libggml-base\.so, libggml\.so/,
    ],
    [
      'llama of one release, ggml of another',
      ['libggml-base.so', 'libggml.v0.4.0.so', 'libllama.v0.5.0.so'],
      /different builds/,
    ],
    [
      'two releases, whose ggml-base has one name',
      [
        'libggml-base.so',
        'libggml.v0.4.0.so',
        'libllama.v0.4.0.so',
        'libggml.v0.5.0.so',
        'libllama.v0.5.0.so',
      ],
      /different builds/,
    ],
    [
      'llama of one backend, ggml of another',
      ['libggml-base.so', 'libggml.v0.4.0.so', 'libllama.vulkan.v0.4.0.so'],
      /different builds/,
    ],
    [
      'several numbered builds without links',
      [
        'libggml-base.so.0.9.4',
        'libggml-base.so.0.9.5',
        'libggml.so.0.9.4',
        'libggml.so.0.9.5',
        'libllama.so.0.0.7000',
      ],
      /different builds/,
    ],
    [
      'another backend than asked for',
      ['libggml-base.so', 'libggml.vulkan.v0.4.0.so', 'libllama.vulkan.v0.4.0.so'],
      /is for vulkan, not for cuda/,
      'cuda',
    ],
  ];
  for (const [title, files, message, device = 'cpu'] of cases)
    it(title, () =>
      expectUserError(() => locateLibraries(device, folderOf(...files), bare('linux-x64')), message),
    );

  it('no folder at all, a file', async () => {
    const file = join(folderOf('libllama.so'), 'libllama.so');
    await expectUserError(
      () => locateLibraries('cpu', file, bare('linux-x64')),
      /libllama\.so is not a folder/,
    );
    await expectUserError(
      () => locateLibraries('cpu', join(folder, 'gone'), bare('linux-x64')),
      /gone is not a folder/,
    );
  });
});
