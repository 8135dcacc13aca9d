import { existsSync } from 'node:fs';
import { listGpus } from '../../src/engine/native/devices.js';
import { loadLlama } from '../../src/engine/native/llama.js';
import { locateLibraries, PACKAGE_VERSION } from '../../src/engine/native/locate.js';

/** Mesa's driver that runs on the CPU is a device of llama.cpp only when it is named. */
process.env.GGML_VK_VISIBLE_DEVICES ??= '0';
/** It compiles each shader for the CPU, which takes longer than all that a tiny model computes: faster without optimisation. */
process.env.GALLIVM_PERF ??= 'nopt';

const HOW = `run "npm install --no-save @node-llama-cpp/linux-x64-vulkan@${PACKAGE_VERSION}" and install a Vulkan driver (Debian: apt-get install mesa-vulkan-drivers libvulkan1)`;

/**
 * Why the tests of Vulkan are left out, for node:test; false where they run. In CI on Linux x64 they always run, and fail where
 * Vulkan cannot start.
 */
export function vulkanIsMissing(): string | false {
  if (process.platform === 'linux' && process.arch === 'x64' && /^(1|true)$/.test(process.env.CI ?? ''))
    return false;
  return vulkanStarts() ? false : `Vulkan cannot start here: ${HOW}`;
}

function vulkanStarts(): boolean {
  try {
    const files = locateLibraries('vulkan');
    if (!existsSync(files.folder)) return false;
    const llama = loadLlama(files);
    llama.loadBackends(files.folder);
    return listGpus(llama).length > 0;
  } catch {
    return false;
  }
}
