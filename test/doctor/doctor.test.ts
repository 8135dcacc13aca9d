import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { examineBuilds } from '../../src/doctor/builds.js';
import { examine } from '../../src/doctor/examine.js';
import { describePlaces } from '../../src/doctor/resources.js';
import { type DoctorReport, DoctorSchema } from '../../src/doctor/schema.js';
import { measureSpeed } from '../../src/doctor/speed.js';
import { doctorText } from '../../src/doctor/text.js';
import { openEngine } from '../../src/engine/index.js';
import { type LibraryFiles, locateLibraries } from '../../src/engine/native/locate.js';
import { deadOrigin } from '../models/setup.js';
import { temporaryFolder } from '../support/temporary.js';
import { writeTinyModel } from '../support/tiny-models.js';

/** The report on this machine, and on machines that lack something. */
const root = temporaryFolder();
const bin = fileURLToPath(new URL('../../../bin/hneurons.js', import.meta.url));

/** Empty caches, and no server that answers. */
async function isolated(name: string): Promise<NodeJS.ProcessEnv> {
  const folder = join(root, name);
  mkdirSync(folder, { recursive: true });
  const origin = await deadOrigin();
  return {
    PATH: process.env.PATH,
    HOME: folder,
    HNEURONS_CACHE: join(folder, 'own'),
    HF_HOME: join(folder, 'hf'),
    OLLAMA_MODELS: join(folder, 'ollama'),
    HF_ENDPOINT: `http://user:swordfish@${new URL(origin).host}`,
    PIP_INDEX_URL: `${origin}/simple`,
    HF_TOKEN: 'hf_verysecrettoken',
  };
}

function doctor(env: NodeJS.ProcessEnv, ...args: string[]) {
  return spawnSync(process.execPath, [bin, 'doctor', '--no-speed', ...args], {
    encoding: 'utf8',
    env,
    cwd: root,
  });
}

function check(report: DoctorReport, name: string | RegExp) {
  const found = report.checks.find((one) =>
    typeof name === 'string' ? one.name === name : name.test(one.name),
  );
  assert.ok(found, `${name} among ${report.checks.map((one) => one.name).join(', ')}`);
  return found;
}

test('without a network and a model the report says so, and the exit code is 1', async () => {
  const env = await isolated('alone');
  const { status, stdout, stderr } = doctor(env, '--json');
  const report = DoctorSchema.parse(JSON.parse(stdout));
  assert.equal(status, 1);
  assert.match(stderr, /^hneurons: the default job cannot run here: [^\n]+\n$/);
  assert.equal(report.ok, false);
  assert.deepEqual(
    report.network.map(({ reachable, detail }) => [reachable, detail]),
    [
      [false, 'refuses the connection'],
      [false, 'refuses the connection'],
    ],
  );
  assert.equal(report.model.cached, false);
  assert.match(check(report, /find/).reason, /not in the cache.*refuses the connection.*HF_ENDPOINT/);
  // llama.cpp itself works.
  const [build] = report.builds;
  assert.ok(build.works && build.devices.some(({ kind, totalBytes }) => kind === 'cpu' && totalBytes));
  assert.match(build.version ?? '', /^\d/);
  assert.ok(check(report, 'models on the CPU').works);
  // Nothing private: no home, login or token.
  assert.match(report.places[0].path, /^~/);
  for (const secret of [String(env.HOME), 'swordfish', 'hf_verysecrettoken', 'user:'])
    assert.ok(!stdout.includes(secret), `${secret} is not told`);
});

test('the text fits into 80 columns and holds no control characters', async () => {
  const { stdout } = doctor({ ...(await isolated('text')), HF_HUB_OFFLINE: '1' });
  for (const line of stdout.split('\n')) assert.ok(line.length <= 80, line);
  assert.match(stdout, /^[^\p{Cc}]+$/mu);
  assert.match(stdout, /not asked: HF_HUB_OFFLINE is set/);
  assert.match(stdout, /What works here\n {2}NO {3}hneurons find/);
});

test('a machine without packages is told what to install', async () => {
  const env = await isolated('bare');
  const nothing = {
    platform: 'linux',
    arch: 'x64',
    musl: () => false,
    packageFolder: () => undefined,
  } as const;
  const report = await examine({ version: '1.2.3', env, openEngine, speed: true, machine: nothing });
  assert.deepEqual(DoctorSchema.parse(report), report);
  assert.deepEqual(report.builds, []);
  assert.equal(report.ok, false);
  assert.match(check(report, 'models on the CPU').reason, /npm install @node-llama-cpp\/linux-x64@/);
  assert.match(check(report, '--device cuda').reason, /npm install @node-llama-cpp\/linux-x64-cuda@/);
  assert.equal(report.speedProblem, 'no model in the cache');
  assert.match(doctorText(report), /1\.2\.3/);
});

/** A copy of the installed build. */
function copyBuild(name: string): LibraryFiles {
  const folder = join(root, name);
  const { folder: from } = locateLibraries('cpu');
  mkdirSync(folder);
  for (const file of readdirSync(from)) copyFileSync(join(from, file), join(folder, file));
  return locateLibraries('auto', folder);
}

test('a library that cannot be loaded is a finding', async () => {
  const files = copyBuild('no-library');
  writeFileSync(files.ggmlBase, 'not a library');
  const env = await isolated('broken');
  const { status, stdout } = doctor(env, '--json', '--library', files.folder);
  const report = DoctorSchema.parse(JSON.parse(stdout));
  assert.equal(status, 1);
  assert.equal(report.builds.length, 1);
  assert.match(report.builds[0].problem ?? '', /Cannot load llama\.cpp/);
  assert.match(check(report, /find/).reason, /Cannot load llama\.cpp/);
});

test('a library that crashes is a finding as well', { skip: process.platform !== 'linux' }, async () => {
  const files = copyBuild('crash');
  // Its segments reach beyond the end of the file: the loader touches memory that is not there.
  truncateSync(files.ggmlBase, 100_000);
  const { builds } = await examineBuilds(files.folder);
  assert.equal(builds[0].works, false);
  assert.match(builds[0].problem ?? '', /process ended \(SIGBUS\) while loading/);
});

test('a folder without libraries is a finding', async () => {
  const { builds } = await examineBuilds(join(root, 'nowhere'));
  assert.match(builds[0].problem ?? '', /is not a folder/);
});

test('places that cannot be written say why', async () => {
  const file = join(root, 'file');
  writeFileSync(file, '');
  const places = await describePlaces({
    HNEURONS_CACHE: join(file, 'own'),
    HF_HOME: join(root, 'new', 'hf'),
  });
  assert.deepEqual(
    places.map(({ name, writable, problem }) => [name, writable, problem]),
    [
      ['cache', false, 'a part of the path is a file'],
      ['hub cache', true, null],
      ['current folder', true, null],
    ],
  );
  assert.ok(!readdirSync(root).includes('new'), 'nothing is left');
});

test('the speed of reading and writing is measured with a model at hand', async () => {
  const { path } = await writeTinyModel(join(root, 'tiny.gguf'), { architecture: 'llama' });
  const options = { modelPath: path, name: 'tiny', device: 'cpu', threads: 1, defaultThreads: 2 } as const;
  const speed = await measureSpeed(openEngine, options);
  assert.ok(typeof speed !== 'string', String(speed));
  assert.ok(speed.readTokensPerSecond > 0 && speed.writeTokensPerSecond > 0);
  assert.equal(speed.threads, 1);
});

test('a model that cannot be loaded leaves the speed out and says why', async () => {
  const path = join(root, 'bad.gguf');
  writeFileSync(path, 'GGUF');
  const speed = await measureSpeed(openEngine, { modelPath: path, name: 'bad', defaultThreads: 1 });
  assert.equal(typeof speed, 'string');
});
