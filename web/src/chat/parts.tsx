import type { Part, Score } from '../api/types.ts';
import { percent, riskStep } from './words.ts';

/** The parts of a longer answer, highest risk first. */
export function PartsView({ score }: { score: Score }) {
  const { sentences, spans } = score;
  if (sentences.length < 2 && spans.length < 2) return null;
  return (
    <details className="parts">
      <summary>
        Parts{' '}
        <span>
          by risk: {counted(sentences.length, 'sentence')}
          {spans.length > 0 && `, ${counted(spans.length, 'span')}`}
        </span>
      </summary>
      {sentences.length > 1 && <List name="Sentences" parts={sentences} />}
      {spans.length > 0 && <List name="Names, numbers and other spans" parts={spans} />}
    </details>
  );
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

function List({ name, parts }: { name: string; parts: Part[] }) {
  const sorted = [...parts].sort((a, b) => b.risk - a.risk);
  return (
    <>
      <h4>{name}</h4>
      <ol>
        {sorted.map(({ start, end, text, risk }) => (
          <li key={`${start}-${end}`}>
            <span className={`badge r${riskStep(risk)}`}>{percent(risk)}</span> <span>{text.trim()}</span>
          </li>
        ))}
      </ol>
    </>
  );
}
