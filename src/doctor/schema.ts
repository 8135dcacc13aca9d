import { z } from 'zod';

const Device = z.object({
  /** Value of `enum ggml_backend_dev_type` in words. */
  kind: z.enum(['cpu', 'gpu', 'accelerator']),
  description: z.string(),
  /** Bytes; null where the backend does not tell. */
  freeBytes: z.number().nullable(),
  totalBytes: z.number().nullable(),
});

const Build = z.object({
  /** npm package, or null for a folder that was named. */
  package: z.string().nullable(),
  folder: z.string(),
  /** The device that the build is for; null for a folder that was named. */
  device: z.enum(['cpu', 'cuda', 'vulkan', 'metal']).nullable(),
  works: z.boolean(),
  version: z.string().nullable(),
  devices: z.array(Device),
  /** Why the build, or its GPU, cannot be used; null if nothing is wrong. */
  problem: z.string().nullable(),
});

const Place = z.object({
  name: z.enum(['cache', 'hub cache', 'current folder']),
  path: z.string(),
  freeBytes: z.number().nullable(),
  writable: z.boolean(),
  problem: z.string().nullable(),
});

const Address = z.object({
  name: z.enum(['hub', 'package index']),
  host: z.string(),
  /** Null if it was not asked. */
  reachable: z.boolean().nullable(),
  detail: z.string(),
});

const Speed = z.object({
  model: z.string(),
  threads: z.number(),
  device: z.string(),
  loadSeconds: z.number(),
  readTokensPerSecond: z.number(),
  writeTokensPerSecond: z.number(),
});

const Check = z.object({ name: z.string(), works: z.boolean(), reason: z.string() });

/** Report of `hneurons doctor`. Fields are only added, never renamed or removed, within one version. */
export const DoctorSchema = z.object({
  schema: z.literal('hneurons/doctor'),
  schemaVersion: z.literal(1),
  version: z.string(),
  system: z.object({
    platform: z.string(),
    release: z.string(),
    arch: z.string(),
    /** Such as "glibc 2.36"; null outside of Linux and where the runtime does not tell. */
    libc: z.string().nullable(),
    /** Layers between the program and the hardware: WSL, container, Rosetta. */
    layers: z.array(z.string()),
    processor: z.string(),
    /** Instruction sets that llama.cpp uses; empty where the system does not tell. */
    instructions: z.array(z.string()),
  }),
  runtime: z.object({
    name: z.enum(['Node', 'Bun', 'Deno']),
    version: z.string(),
    supported: z.boolean(),
    note: z.string(),
  }),
  builds: z.array(Build),
  threads: z.object({
    default: z.number(),
    processors: z.number(),
    /** Processors' worth of time that the control group grants; null without a limit. */
    limit: z.number().nullable(),
    loadAverage: z.number().nullable(),
  }),
  memory: z.object({
    totalBytes: z.number(),
    freeBytes: z.number(),
    /** Limit of the control group; null without one. */
    limitBytes: z.number().nullable(),
  }),
  places: z.array(Place),
  network: z.array(Address),
  /** Default model, and its size as a download. */
  model: z.object({ name: z.string(), bytes: z.number(), cached: z.boolean() }),
  speed: Speed.nullable(),
  /** Why there is no speed; null if there is. */
  speedProblem: z.string().nullable(),
  checks: z.array(Check),
  /** True if the default job (`hneurons find`) can run here. */
  ok: z.boolean(),
});

export type DoctorReport = z.infer<typeof DoctorSchema>;
export type BuildFacts = DoctorReport['builds'][number];
export type DeviceFacts = BuildFacts['devices'][number];
export type PlaceFacts = DoctorReport['places'][number];
export type AddressFacts = DoctorReport['network'][number];
export type SpeedFacts = NonNullable<DoctorReport['speed']>;
export type CheckResult = DoctorReport['checks'][number];
