import koffi, { type LibraryHandle } from 'koffi';
import { locateLibraries } from '../engine/native/locate.js';

let library: LibraryHandle | undefined;

/**
 * The library that knows the block formats, alone: no model is loaded for its weights to be compared. Loaded once in each thread.
 *
 * A thread that starts workers which decode must call this first and so hold the library: it puts a handler of its own into the C++
 * runtime, which stays there when the last thread that uses the library ends and it is unmapped. Loaded at the same address
 * again, it finds its own handler and aborts the process.
 * @throws UserError when the library is not installed.
 */
export function ggmlBase(): LibraryHandle {
  library ??= koffi.load(locateLibraries('cpu').ggmlBase);
  return library;
}
