import wrapAnsi from 'wrap-ansi';
import { humanBytes } from '../models/disk.js';
import type { BuildFacts, DoctorReport } from './schema.js';

const WIDTH = 80;
const NAME_WIDTH = 16;

/** The report for people: two columns, wrapped at 80. */
export function doctorText(report: DoctorReport): string {
  const { system, runtime, threads, memory, speed } = report;
  const machine = [
    `${system.platform} ${system.release} ${system.arch}`,
    ...(system.libc ? [system.libc] : []),
    ...system.layers,
  ].join(', ');
  const rows: [name: string, text: string][] = [
    ['hneurons', report.version],
    ['system', machine],
    ['processor', [system.processor, system.instructions.join(' ')].filter((text) => text).join(': ')],
    ['runtime', `${runtime.name} ${runtime.version} (${runtime.note})`],
    ['threads', threadsText(threads)],
    ['memory', memoryText(memory)],
    ...report.places.map(({ name, path, freeBytes, problem }): [string, string] => [
      name,
      [path, freeBytes === null ? undefined : `${humanBytes(freeBytes)} free`, problem ?? undefined]
        .filter((part) => part !== undefined)
        .join(', '),
    ]),
    ...report.network.map(({ name, host, detail }): [string, string] => [name, `${host} ${detail}`]),
    ['default model', `${report.model.name}, ${humanBytes(report.model.bytes)}, ${cachedText(report)}`],
    ...report.builds.flatMap(buildRows),
    [
      'speed',
      speed
        ? `${speed.model} on ${speed.device}, ${speed.threads} threads: loaded in ${speed.loadSeconds} s, reads ${speed.readTokensPerSecond} and writes ${speed.writeTokensPerSecond} tokens/s`
        : `not measured: ${report.speedProblem}`,
    ],
  ];
  const checks = report.checks.map(({ name, works, reason }): [string, string] => [
    works ? 'yes' : 'NO',
    reason ? `${name}: ${reason}` : name,
  ]);
  return `${rows.map(([name, text]) => row(name, text, NAME_WIDTH)).join('')}\nWhat works here\n${checks
    .map(([name, text]) => row(`  ${name}`, text, 7))
    .join('')}`;
}

function row(name: string, text: string, width: number): string {
  const flat = text.replace(/\s+/g, ' ');
  const lines = wrapAnsi(flat, WIDTH - width, { hard: true }).split('\n');
  return lines
    .map((line, i) => `${(i === 0 ? name : '').padEnd(width)}${line}`.trimEnd())
    .join('\n')
    .concat('\n');
}

function threadsText({ default: count, processors, limit, loadAverage }: DoctorReport['threads']): string {
  const parts = [`${count} of ${processors} processors`];
  if (limit !== null) parts.push(`limit of the control group ${limit}`);
  if (loadAverage !== null) parts.push(`load average ${loadAverage}`);
  return parts.join(', ');
}

function memoryText({ totalBytes, freeBytes, limitBytes }: DoctorReport['memory']): string {
  const limit = limitBytes === null ? '' : `, limit of the control group ${humanBytes(limitBytes)}`;
  return `${humanBytes(freeBytes)} free of ${humanBytes(totalBytes)}${limit}`;
}

function cachedText({ model }: DoctorReport): string {
  return model.cached ? 'in the cache' : 'not downloaded yet';
}

function buildRows(build: BuildFacts): [string, string][] {
  const name = build.package ?? 'named build';
  const version = build.version === null ? '' : `, llama.cpp ${build.version}`;
  const rows: [string, string][] = [['library', `${name}${version}, in ${build.folder}`]];
  for (const { kind, description, freeBytes, totalBytes } of build.devices) {
    const memory =
      totalBytes === null ? '' : `, ${humanBytes(freeBytes ?? 0)} free of ${humanBytes(totalBytes)}`;
    rows.push([`  ${kind}`, `${description}${memory}`]);
  }
  if (build.problem !== null) rows.push(['  problem', build.problem]);
  return rows;
}
