import { dirname } from 'node:path';
import { fileName } from '../../formats/file-name.js';

/**
 * Names under which results of several models can lie side by side. Those that would share a file (`step1/model.gguf` and
 * `step2/model.gguf`) get the nearest folder that tells them apart in front; where none does, a number behind.
 * @param models in their order; the names of the others stay as they are
 */
export function distinctNames(models: readonly { name: string; path: string }[]): string[] {
  // File systems may not tell upper and lower case apart.
  const key = (name: string) => fileName(name).toLowerCase();
  const groups = new Map<string, number[]>();
  models.forEach(({ name }, i) => {
    groups.set(key(name), [...(groups.get(key(name)) ?? []), i]);
  });
  const names = models.map(({ name }) => name);
  for (const members of groups.values()) {
    if (members.length < 2) continue;
    const folders = telling(members.map((i) => folderNames(models[i].path)));
    members.forEach((i, k) => {
      if (folders) names[i] = `${folders[k]}/${names[i]}`;
    });
  }
  const taken = new Set<string>();
  return names.map((name) => {
    let free = name;
    for (let n = 2; taken.has(key(free)); n++) free = `${name}-${n}`;
    taken.add(key(free));
    return free;
  });
}

/** Names of the folders that a path lies in, the nearest first. */
function folderNames(path: string): string[] {
  return dirname(path).split(/[\\/]/).reverse();
}

/** Of lists of folders, the first place at which no two are the same. */
function telling(lists: string[][]): string[] | undefined {
  const depth = Math.min(...lists.map(({ length }) => length));
  for (let place = 0; place < depth; place++) {
    const folders = lists.map((list) => list[place]);
    if (new Set(folders.map((folder) => fileName(folder).toLowerCase())).size === folders.length)
      return folders;
  }
  return undefined;
}
