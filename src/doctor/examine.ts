import type { Machine } from '../engine/native/locate.js';
import type { Engine, EngineOptions } from '../engine/types.js';
import { listModels } from '../models/list.js';
import { examineBuilds } from './builds.js';
import { checkFacts, type Facts } from './checks.js';
import { describeNetwork } from './network.js';
import { withoutPrivate } from './privacy.js';
import { describeMemory, describePlaces, describeThreads } from './resources.js';
import { describeRuntime } from './runtime.js';
import type { DoctorReport, SpeedFacts } from './schema.js';
import { measureSpeed } from './speed.js';
import { describeMachine } from './system.js';

export interface ExamineOptions {
  version: string;
  env: NodeJS.ProcessEnv;
  openEngine(options: EngineOptions): Promise<Engine>;
  library?: string;
  threads?: number;
  /** False: leave the speed out. */
  speed: boolean;
  signal?: AbortSignal;
  /** Stands in for this machine, for tests. */
  machine?: Machine;
}

/** Gathers everything that tells whether and how this program runs here. Downloads nothing. */
export async function examine(options: ExamineOptions): Promise<DoctorReport> {
  const { version, env, library, threads, signal, machine } = options;
  const [{ builds, missing }, places, network, models] = await Promise.all([
    examineBuilds(library, machine),
    describePlaces(env),
    describeNetwork(env, signal),
    listModels({ env }),
  ]);
  const aliases = models.filter(({ kind }) => kind === 'alias');
  const fallback = aliases.find((alias) => alias.default) ?? aliases[0];
  const cached = [fallback, ...aliases].find(({ path }) => path !== undefined);
  const described = describeThreads(threads);
  let speed: SpeedFacts | string = 'left out';
  if (options.speed && cached?.path === undefined) speed = 'no model in the cache';
  else if (options.speed && !builds.some(({ works }) => works)) speed = 'no llama.cpp library works';
  else if (options.speed && cached?.path !== undefined) {
    const engine = { modelPath: cached.path, library, threads, signal };
    const names = { name: cached.spec, defaultThreads: described.default };
    speed = await measureSpeed(options.openEngine, { ...engine, ...names });
  }
  const facts: Facts = {
    schema: 'hneurons/doctor',
    schemaVersion: 1,
    version,
    system: describeMachine(),
    runtime: describeRuntime(process.versions),
    builds,
    threads: described,
    memory: describeMemory(),
    places,
    network,
    model: { name: fallback.spec, bytes: fallback.size, cached: fallback.path !== undefined },
    speed: typeof speed === 'string' ? null : speed,
    speedProblem: typeof speed === 'string' ? speed : null,
  };
  const checks = checkFacts(facts, missing);
  return withoutPrivate({ ...facts, checks, ok: checks[0].works }, env);
}
