import type { Engine } from '../../engine/types.js';
import type { PaperRow } from '../../report/table/paper.js';
import type { TableCounts, TableRow } from '../../report/table/schema.js';
import { rowFigures } from '../../stats/table-row.js';
import type { Wanted } from '../classify.js';
import type { Controls } from '../controls-file.js';
import { type Detector, detectorProbability } from '../detector.js';
import { numberGroups } from '../groups.js';
import { meanOverText } from '../sampler.js';
import type { AnswerLine } from './answers-file.js';
import { type Answer, type Asked, judged } from './ask.js';
import { selectMatched } from './matched.js';
import type { TableSet } from './set.js';
import { type Weighed, weighAnswers } from './weigh.js';

/** Fewer matched samples of each class than this give no figures. */
export const FEWEST_SAMPLES = 20;

interface Selected {
  answer: Answer;
  relation: string;
  class: Wanted;
}

/** The rows of a data set that has been asked, and the lines of its `responses.jsonl`. */
export async function makeRows(options: {
  engine: Engine;
  set: TableSet;
  asked: Asked;
  detector: Detector;
  controls: Controls | undefined;
  paper: PaperRow | undefined;
  quota: number;
  seed: number;
  onProgress: (done: number, total: number) => void;
}): Promise<{ rows: TableRow[]; lines: AnswerLine[] }> {
  const { engine, set, asked, detector, controls, quota, seed, onProgress } = options;
  const selections = set.rows.map((kind) => ({
    name: kind.name,
    selected: selectMatched(
      asked.answers.flatMap((answer): Selected[] => {
        const wanted = answer.answerTokens && kind.classOf(judged(answer));
        return wanted ? [{ answer, relation: answer.question.relation, class: wanted }] : [];
      }),
      quota,
    ),
  }));
  const used = [...new Set(selections.flatMap(({ selected }) => selected.map(({ answer }) => answer)))];
  const weighed = await weighAnswers({ engine, detector, controls, answers: used, onProgress });
  const place = new Map(used.map((answer, at) => [answer, at]));
  const counts = countAnswers(set, asked);
  const rows = selections.map(({ name, selected }): TableRow => {
    const faithful = selected.filter((one) => one.class === 'faithful').length;
    const enough = faithful >= FEWEST_SAMPLES;
    const cell = options.paper?.cells[set.name];
    return {
      name,
      dataset: set.name,
      source: set.source,
      counts,
      faithful,
      hallucinated: selected.length - faithful,
      relations: new Set(selected.map(({ relation }) => relation)).size,
      figures: enough ? figuresOf(selected, weighed, place, seed) : null,
      note: enough ? null : tooFew(faithful, counts),
      // Against the mirror set is a comparison of our own.
      paper: cell && !name.endsWith('(vs. mirror)') ? cell : null,
    };
  });
  const scores = new Map(used.map((answer, at) => [answer, weighed.scores[at]]));
  const rowsOf = new Map<Answer, Record<string, Wanted>>();
  for (const { name, selected } of selections) {
    for (const one of selected) rowsOf.set(one.answer, { ...rowsOf.get(one.answer), [name]: one.class });
  }
  const lines = [
    ...asked.answers.map((answer) => answerLine(answer, rowsOf.get(answer), scores.get(answer), detector)),
    ...asked.skipped.map(({ question, reason }) => ({ ...questionPart(question), skipped: reason })),
  ];
  return { rows, lines };
}

function figuresOf(
  selected: readonly Selected[],
  weighed: Weighed,
  place: ReadonlyMap<Answer, number>,
  seed: number,
): TableRow['figures'] {
  const at = selected.map(({ answer }) => place.get(answer)!);
  const pick = (values: ArrayLike<number>) => Float64Array.from(at, (i) => values[i]);
  const pickAll = (controls: Weighed['random']) =>
    controls.map(({ seed, scores }) => ({ seed, scores: pick(scores) }));
  return rowFigures({
    scores: pick(weighed.decisions),
    labels: Uint8Array.from(selected, (one) => (one.class === 'hallucinated' ? 1 : 0)),
    groups: numberGroups(selected.map(({ answer }) => answer.question.group)),
    random: pickAll(weighed.random),
    layerMatched: pickAll(weighed.layerMatched),
    // Older answers do not say what of the sum is of their end.
    logProbability: selected.map(
      ({ answer: { sample } }) => meanOverText(sample) ?? sample.logProbability / sample.tokens.length,
    ),
    seed,
  });
}

function countAnswers(set: TableSet, { answers, skipped }: Asked): TableCounts {
  const of = (wanted: Answer['judgement']['verdict'], kinds: boolean[] = [true, false]) =>
    answers.map(judged).filter(({ verdict, fabricated }) => verdict === wanted && kinds.includes(fabricated))
      .length;
  const speechless = answers.filter(
    ({ judgement: { verdict }, answerTokens }) =>
      (verdict === 'correct' || verdict === 'wrong') && !answerTokens,
  );
  return {
    total: set.total,
    trained: set.trained,
    asked: answers.length,
    correct: of('correct', [false]),
    wrong: of('wrong', [false]),
    invented: of('wrong', [true]),
    refused: of('correct', [true]),
    uncertain: of('uncertain'),
    failed: of('failed'),
    unreadable: skipped.length + speechless.length,
  };
}

function tooFew(matched: number, { asked, correct, wrong, invented, refused }: TableCounts): string {
  const made = invented + refused > 0 ? `, ${invented} invented, ${refused} refused` : '';
  return `too few: ${matched} of each class matched, ${FEWEST_SAMPLES} are needed (${asked} asked, ${correct} right, ${wrong} wrong${made})`;
}

function questionPart({ id, question, relation, aliases, kind }: Answer['question']): AnswerLine {
  return { id, question, relation, aliases, ...(kind === 'fabricated' && { kind }) };
}

function answerLine(
  { question, sample, judgement, span }: Answer,
  rows: Record<string, Wanted> | undefined,
  score: number | undefined,
  detector: Detector,
): AnswerLine {
  return {
    ...questionPart(question),
    ...sample,
    ...judgement,
    ...(span && { answer: sample.text.slice(span.start, span.end) }),
    ...(rows && { rows }),
    ...(score !== undefined && { score, probability: detectorProbability(detector, score) }),
  };
}
