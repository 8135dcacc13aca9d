import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { type PromptKind, promptStyle } from '../../engine/text/prompt.js';
import type { Engine } from '../../engine/types.js';
import { readJsonl } from '../../formats/jsonl.js';
import type { KnownFact } from '../../intervene/facts.js';
import type { Turn } from '../../intervene/types.js';
import { FEW_SHOT } from '../../questions/few-shot.js';
import { type Detector, detectorNeurons, requireHNeurons } from '../detector.js';
import { type NeuronSet, neuronSets } from './neuron-sets.js';
import { meanCett } from './reading.js';

/** Facts whose prompts and answers give the CETT scale of the neurons. */
const SCALE_FACTS = 40;

/** The few-shot examples as turns of a conversation. */
export const QUESTION_SHOTS: readonly Turn[] = FEW_SHOT;

const SplitSchema = z.object({ id: z.string(), split: z.enum(['train', 'test']) });

/** Ids of the questions that a run trained its detector on; none for a folder that is no run. */
export async function trainedQuestions(folder: string): Promise<Set<string>> {
  const path = join(folder, 'questions.jsonl');
  const trained = new Set<string>();
  if (!existsSync(path)) return trained;
  for await (const { value } of readJsonl(path, { ignoreTorn: true })) {
    const parsed = SplitSchema.safeParse(value);
    if (parsed.success && parsed.data.split === 'train') trained.add(parsed.data.id);
  }
  return trained;
}

/**
 * The H-Neurons with their controls, matched by CETT over the prompts and answers of facts that the model knows.
 * @throws UserError for a detector without H-Neurons
 */
export async function prepareSets(
  engine: Engine,
  detector: Detector,
  facts: readonly KnownFact[],
  promptKind: PromptKind,
  controls: { random: number; matched: number; seed: number },
): Promise<NeuronSet[]> {
  const hNeurons = requireHNeurons(detector);
  const style = promptStyle(engine.model, promptKind, FEW_SHOT);
  const gap = style.kind === 'chat' ? '' : ' ';
  const texts = await Promise.all(
    facts
      .slice(0, SCALE_FACTS)
      .map(async ({ question, answer }) => (await style.text(question.question)) + gap + answer),
  );
  const sequences = await engine.tokenize(texts, style.tokenize);
  return neuronSets({
    hNeurons,
    excluded: new Set(detectorNeurons(detector).neurons),
    means: await meanCett(engine, sequences),
    ffn: detector.model.ffn,
    ...controls,
  });
}
