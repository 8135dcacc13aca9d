import { cpus, platform, release } from 'node:os';

/** The machine in words, for reports: operating system, processor, cores, Node version. */
export function describeSystem(): string {
  const [first, ...others] = cpus();
  const processor = first?.model.trim() ?? 'unknown processor';
  return `${platform()} ${release()}, ${processor}, ${others.length + (first ? 1 : 0)} cores, Node ${process.versions.node}`;
}
