import { MIXED, standsOut } from '../../../src/report/explain/summary.ts';
import { formatP, formatPercent, wholePercent } from '../../../src/report/format.ts';
import type { Card, CardContext, CardToken } from '../api/types.ts';
import { percent } from '../chat/words.ts';
import { cettName } from './trace.tsx';

/** How many of a list are shown. */
const TOKENS = 12;
const CONTEXTS = 5;

/** What `hneurons explain` found out about a neuron. */
export function CardView({ card, chance }: { card: Card; chance: number | null }) {
  const { promotes, suppresses, most, least, cett, selected, alone, agreement, weight } = card;
  return (
    <div className="card">
      <h3>What it writes</h3>
      <dl className="facts">
        <dt>Makes likelier</dt>
        <dd>
          <Tokens tokens={promotes} chance={chance} />
        </dd>
        <dt>Makes less likely</dt>
        <dd>
          <Tokens tokens={suppresses} chance={chance} />
        </dd>
        {agreement < MIXED && (
          <>
            <dt>Sign</dt>
            <dd>
              It changes: {formatPercent(agreement)} of its activity on answers has the sign of these lists;
              with the other sign they change places.
            </dd>
          </>
        )}
        {cett.hallucinated && cett.faithful && (
          <>
            <dt>Mean activity (CETT)</dt>
            <dd>
              {cettName(cett.hallucinated.estimate)} in made-up answers, {cettName(cett.faithful.estimate)} in
              faithful ones
              {cett.other && <>, {cettName(cett.other.estimate)} elsewhere</>}
            </dd>
          </>
        )}
        {selected && (
          <>
            <dt>Chosen again</dt>
            <dd>
              in {percent(weight < 0 ? selected.negative : selected.positive)} of trainings on resampled
              questions
            </dd>
          </>
        )}
        {alone && (
          <>
            <dt>Switched off alone</dt>
            <dd>
              the model goes along with something wrong {points(alone.change.estimate)} ({alone.items}{' '}
              questions, {formatP(alone.p)})
            </dd>
          </>
        )}
      </dl>
      <div className="driven">
        <Contexts title="Words at which it is most active" contexts={most} />
        <Contexts title="And least" contexts={least} />
      </div>
    </div>
  );
}

function Tokens({ tokens, chance }: { tokens: CardToken[]; chance: number | null }) {
  return (
    <span className="chips">
      {tokens.slice(0, TOKENS).map(({ id, text }) => (
        <code key={id}>{text}</code>
      ))}
      {chance !== null && !standsOut(tokens, chance) && <small className="tag">no more than chance</small>}
    </span>
  );
}

function Contexts({ title, contexts }: { title: string; contexts: CardContext[] }) {
  if (contexts.length === 0) return null;
  return (
    <div>
      <h3>{title}</h3>
      <ol>
        {contexts.slice(0, CONTEXTS).map(({ id, before, marked, after, label, cett }) => (
          <li key={id}>
            {before}
            <mark>{marked}</mark>
            {after} <small className={label}>{label}</small> <small>CETT {cettName(cett)}</small>
          </li>
        ))}
      </ol>
    </div>
  );
}

function points(change: number): string {
  const size = Math.abs(wholePercent(change));
  return size === 0 ? 'just as often' : `${size} points ${change > 0 ? 'more' : 'less'} often`;
}
