import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { ApiError, noModel } from './errors.js';
import { createRunNeurons, type RunNeurons } from './run-neurons.js';
import { ALPHA_RANGE } from './schemas.js';
import type { ServerContext } from './types.js';
import { namesOf } from './upstream-model.js';

/** What the web page shows besides answers: the model, the detector, its neurons and its run. */
export interface InfoRoutes {
  /** @param here the request comes from this machine, so that it may know paths */
  info(here: boolean): object;
  models(): Promise<{ object: 'list'; data: object[] }>;
  /** @throws ApiError 404 for one that is not served */
  model(name: string): Promise<object>;
  neuron(layer: string, index: string): Promise<object>;
  /** The text of report.json. @throws ApiError 404 where there is none */
  run(): Promise<string>;
  /** The run's page. @throws ApiError 404 where there is none */
  report(): Promise<string>;
}

export function infoRoutes(context: ServerContext): InfoRoutes {
  const { model, served, settings, version, prompts } = context;
  // Only these files are ever read, whatever a request says.
  const folder = served && dirname(served.path);
  const began = Math.floor(Date.now() / 1000);
  const modelBody = (id: string) => ({ id, object: 'model', created: began, owned_by: 'hneurons' });
  let runNeurons: RunNeurons | undefined;

  const file = async (name: string): Promise<string> => {
    if (!folder) throw missing('this server has no detector, so there is no run to show');
    const path = join(folder, name);
    return readFile(path, 'utf8').catch(() => {
      throw missing(`there is no ${name} beside the detector; hneurons report makes one`);
    });
  };
  return {
    info: (here) => ({
      version,
      model: { ...model, promptStyle: prompts.kind, chat: prompts.kind === 'chat' },
      detector: served
        ? {
            path: basename(served.path),
            neurons: served.detector.neurons,
            threshold: settings.threshold,
            test: served.detector.test && {
              auroc: served.detector.test.auroc,
              accuracy: served.detector.test.accuracy,
            },
            alphaRange: ALPHA_RANGE,
          }
        : null,
      run: folder !== undefined && existsSync(join(folder, 'report.json')),
      alpha: settings.alpha,
      guard: settings.onRisk,
      upstream: context.upstream !== undefined,
      commands: (here ? context.commands?.here : context.commands?.elsewhere) ?? null,
    }),
    models: async () => ({ object: 'list', data: (await namesOf(context)).map(modelBody) }),
    async model(name) {
      if (name === model.name || (await namesOf(context)).includes(name)) return modelBody(name);
      throw noModel(name);
    },
    async neuron(layer, index) {
      const place = served?.detector.neurons.findIndex(
        (one) => String(one.layer) === layer && String(one.index) === index,
      );
      if (!served || place === undefined || place < 0) throw missing('the detector has no such neuron');
      runNeurons ??= createRunNeurons(served);
      const neuron = served.detector.neurons[place];
      const { card, chance } = await runNeurons.card(neuron);
      return { ...neuron, examples: await runNeurons.examples(place), card, chance };
    },
    run: () => file('report.json'),
    report: () => file('report.html'),
  };
}

const missing = (message: string) => new ApiError(404, message, { code: 'not_found' });
