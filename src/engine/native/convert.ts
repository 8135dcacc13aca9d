import { UserError } from '../../errors.js';
import { loadBackends } from './backends.js';
import { loadLlama } from './llama.js';
import { locateLibraries } from './locate.js';

const FTYPE_F32 = 0;

/**
 * Writes a float32 copy of a GGUF model, whatever its quantisation, by the library's own quantiser.
 * @throws UserError when llama.cpp cannot read or write the file.
 */
export function toFloat32(path: string, out: string): void {
  const files = locateLibraries('cpu');
  const llama = loadLlama(files);
  loadBackends(llama, files);
  llama.backendInit();
  const parameters = { ...llama.quantizeDefaults(), ftype: FTYPE_F32, allow_requantize: true };
  if (llama.quantize(path, out, parameters) !== 0)
    throw new UserError(
      `llama.cpp could not convert ${path} to float32 at ${out}: see that both can be accessed`,
    );
}
