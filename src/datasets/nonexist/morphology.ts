import { int, type Random } from '../../stats/random.js';
import type { Kind } from './templates.js';

/** A made-up thing: its name, and the coined words in it, none of which may be real. */
export interface Coined {
  name: string;
  words: string[];
}

const STARTS =
  'Bal Bel Bor Bran Cal Cor Dal Dor Dras Dren Fal Fen Gal Gor Grel Hal Hed Jor Kal Kel Kor Lan Lor Lud Mar Mer Mol Nal Nor Ol Or Pel Pras Quel Ral Ros Sal Sel Sor Tal Tel Thal Thor Ul Val Vel Ver Vol Wes Yol Zal Zor'.split(
    ' ',
  );
const MIDDLES = 'a al an ar as e el en er es i il in ir is o ol on or u ul un ur'.split(' ');
const JOINTS = 'b br d dr f g l m n nd r s st t th tr v vr z'.split(' ');

const ENDINGS = {
  city: 'bad burg dale dorf ford grad heim holm mere minster mouth polis pur stad stead uela ville wick'.split(
    ' ',
  ),
  mountain: 'ak andel ar azu eng ok or ul unga ut'.split(' '),
  island: 'aia andu ea esia ira oa ona os ua une'.split(' '),
  surname:
    'acci ak anyi berg elli enko escu eti ides ini ingham kov kvist mann oglu onen ovic qvist sen shvili sky son ström wicz'.split(
      ' ',
    ),
  brand: 'ada adyne ana aron axis echo ento era ica ion ixa onic ora ova ys'.split(' '),
  drug: 'cept dipine fenac floxacin gliptin mab nib olol oxetine parin prazole pril sartan statin triptan vir zepam zole'.split(
    ' ',
  ),
  genus: 'acanthus aria arctos ella ichthys mys odon opsis ornis othrix saurus stoma'.split(' '),
  epithet: 'acea alis ata ensis escens formis icola ifera iana oides osa ula'.split(' '),
  ore: 'adite anite elite erite idite olite onite orite ulite'.split(' '),
  compound: 'amide ane anol azine ene idine ine ole one onitrile yne'.split(' '),
  acid: 'adic anic elic eric idic olic onic'.split(' '),
  language: 'ari ash eki ese ian ic ili ish oro uk ulu'.split(' '),
  deity: 'amun anthe aros atl eia ekh ion ishta on ura us'.split(' '),
  dish: 'aki ana ati chka eni ette inka ola oush uri'.split(' '),
} as const;

const GIVEN =
  'Adele Aldo Anton Beatrix Clara Dario Edmund Elena Emil Felix Greta Hanna Hugo Ines Ivar Jonas Karl Laura Leon Lucia Marta Milan Nadia Oskar Paula Petra Rafael Sofia Stefan Viktor'.split(
    ' ',
  );
const NOUNS =
  'Bells Bridge Clockmaker Daughters Ferryman Fire Garden Gate Harbour Harvest House Keeper Lantern Letters Maps Mirrors Orchard Road Shadows Silence Stranger Tide Tower Widow Winter'.split(
    ' ',
  );
const SCENES = 'Autumn|Dusk|Evening|Moonlight|Snow|Spring|the Rain|the Storm'.split('|');
const FIRMS =
  'Aerospace|Automotive|Bank|Chemicals|Electronics|Energy|Foods|Group|Holdings|Industries|Logistics|Motors|Pharmaceuticals|Software|Systems|Textiles'.split(
    '|',
  );

const pick = <T>(random: Random, list: readonly T[]): T => list[int(random, list.length)];

/** A word of a grammar: start, middle, joints where vowels would meet, at times a second middle, and the ending of its kind. */
function word(random: Random, ending: keyof typeof ENDINGS): string {
  let text = pick(random, STARTS) + pick(random, MIDDLES);
  if (int(random, 4) === 0) text = join(random, text, pick(random, MIDDLES));
  return join(random, text, pick(random, ENDINGS[ending]));
}

const VOWEL = /[aeiouy]/;

/** Puts a consonant between two vowels and, most times, a vowel between two consonants. */
function join(random: Random, head: string, tail: string): string {
  const endsOpen = VOWEL.test(head.at(-1)!);
  const beginsOpen = VOWEL.test(tail[0]);
  if (endsOpen && beginsOpen) return head + pick(random, JOINTS) + tail;
  if (!endsOpen && !beginsOpen && int(random, 4) > 0) return `${head}${pick(random, [...'aeio'])}${tail}`;
  return head + tail;
}

const one = (name: string): Coined => ({ name, words: [name] });

const person = (random: Random): Coined => {
  const surname = word(random, 'surname');
  return { name: `${pick(random, GIVEN)} ${surname}`, words: [surname] };
};

/** A title, always with a coined name in it. */
function title(random: Random, forms: readonly ((place: string, noun: string) => string)[]): Coined {
  const place = word(random, pick(random, ['city', 'island', 'surname'] as const));
  return { name: pick(random, forms)(place, pick(random, NOUNS)), words: [place] };
}

const COINERS: Record<Kind, (random: Random) => Coined> = {
  'city-country': (random) => one(word(random, 'city')),
  'river-of-city': (random) => one(word(random, 'city')),
  'mountain-country': (random) => one(word(random, 'mountain')),
  'island-country': (random) => one(word(random, 'island')),
  'scientist-country': person,
  invention: person,
  'novel-author': (random) =>
    title(random, [
      (place, noun) => `The ${noun} of ${place}`,
      (place, noun) => `The Last ${noun} of ${place}`,
      (place, noun) => `${noun} for ${place}`,
      (place) => `A Year in ${place}`,
    ]),
  'painting-painter': (random) =>
    title(random, [
      (place) => `View of ${place} in ${pick(random, SCENES)}`,
      (place, noun) => `The ${noun} at ${place}`,
      (place) => `Portrait of ${pick(random, GIVEN)} ${place}`,
    ]),
  'opera-composer': (random) =>
    title(random, [
      (place, noun) => `The ${noun} of ${place}`,
      (place) => `${pick(random, GIVEN)} di ${place}`,
    ]),
  'company-country': (random) => {
    const brand = word(random, 'brand');
    return { name: `${brand} ${pick(random, FIRMS)}`, words: [brand] };
  },
  'drug-use': (random) => one(word(random, 'drug').toLowerCase()),
  'species-name': (random) => {
    const genus = word(random, 'genus');
    const epithet = word(random, 'epithet').toLowerCase();
    return { name: `${genus} ${epithet}`, words: [genus, epithet] };
  },
  'battle-year': (random) => one(word(random, 'city')),
  'ore-metal': (random) => one(word(random, 'ore').toLowerCase()),
  'compound-formula': (random) => {
    const acid = int(random, 2) === 0;
    const base = word(random, acid ? 'acid' : 'compound').toLowerCase();
    return { name: acid ? `${base} acid` : base, words: [base] };
  },
  'language-country': (random) => one(word(random, 'language')),
  'deity-people': (random) => one(word(random, 'deity')),
  'dish-country': (random) => one(word(random, 'dish').toLowerCase()),
};

/** Draws a thing of a kind. It may be real or known already: the caller checks. */
export function coin(kind: Kind, random: Random): Coined {
  return COINERS[kind](random);
}
