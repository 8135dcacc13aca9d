import type { Country } from 'world-countries';
import { normalise } from '../judge/normalise.js';
import { distinct, mentions, safeAliases } from './aliases.js';
import { countryData } from './packages.js';
import type { Draft, Relation } from './types.js';

/** Facts about these are contested: no question is asked about them. */
const CONTESTED = new Set(['IL', 'PS', 'TW', 'XK', 'EH']);

/** Widely used names that the package lacks. */
const OTHER_NAMES: Record<string, string[]> = {
  BA: ['Bosnia'],
  CD: ['Democratic Republic of the Congo'],
  CG: ['Congo Republic'],
  CV: ['Cabo Verde'],
  CZ: ['Czech Republic'],
  GB: ['Britain'],
  LA: ['Laos'],
  RU: ['Russia'],
  TR: ['Turkey'],
  US: ['America'],
  VA: ['Holy See'],
};

/** Capitals with another spelling, or besides the one in the package. */
const OTHER_CAPITALS: Record<string, string[]> = {
  BO: ['La Paz'],
  DK: ['København'],
  KZ: ['Nur-Sultan', 'Astana'],
  LK: ['Sri Jayawardenepura Kotte', 'Kotte'],
  LU: ['Luxembourg City'],
  MM: ['Nay Pyi Taw'],
  MN: ['Ulaanbaatar'],
  MV: ['Male'],
  SM: ['San Marino'],
  SZ: ['Mbabane'],
  UA: ['Kiev'],
  US: ['Washington'],
};

/** Countries on two continents, or whose continent is a matter of convention. */
const TWO_CONTINENTS = new Set(['RU', 'TR', 'KZ', 'AZ', 'GE', 'AM', 'CY', 'EG', 'ID', 'TL', 'PG']);

/** "Swiss German" may be answered with "German", "Norwegian Bokmål" with "Norwegian". */
const BROADER_LANGUAGES = ['German', 'Norwegian', 'Creole', 'Sotho', 'Ndebele', 'Persian'];

const OTHER_LANGUAGES: Record<string, string[]> = {
  Bengali: ['Bangla'],
  Chinese: ['Mandarin'],
  Filipino: ['Tagalog'],
  Maldivian: ['Dhivehi', 'Divehi'],
  Moldavian: ['Romanian', 'Moldovan'],
  Slovene: ['Slovenian'],
  'Persian (Farsi)': ['Farsi'],
};

/** The words for a country's name in other languages that are asked for. */
const TRANSLATIONS: Record<string, string> = {
  fra: 'French',
  deu: 'German',
  spa: 'Spanish',
  ita: 'Italian',
  nld: 'Dutch',
};

/** The independent countries that the questions are about. */
export function countries(): Country[] {
  return countryData().rows.filter(
    (country) => country.unMember && country.independent && !CONTESTED.has(country.cca2),
  );
}

/** The accepted names of each country by its two-letter code; none where its name is part of another's. */
export function countryAliases(): Map<string, string[]> {
  return safeAliases(
    countries().map(({ cca2, name, altSpellings }) => ({
      id: cca2,
      name: name.common,
      others: [
        ...(OTHER_NAMES[cca2] ?? []),
        ...altSpellings.filter((text) => text !== cca2),
        name.official,
        ...Object.values(name.native).flatMap((native) => [native.common, native.official]),
      ],
    })),
  );
}

/** A country's name inside a sentence: "the Netherlands", "France". */
export function inSentence(name: string): string {
  const article =
    /^(?:United|Central African|Dominican)|Republic|Islands$|^(?:Netherlands|Philippines|Bahamas|Maldives|Seychelles|Comoros|Gambia|DR Congo)$/;
  return article.test(name) ? `the ${name}` : name;
}

/**
 * Every relation about countries.
 *
 * @param aliases as {@link countryAliases} gives them
 */
export function countryRelations(aliases: Map<string, string[]>): Relation[] {
  const { source } = countryData();
  const all = countries();
  const relation = (
    name: string,
    toDraft: (country: Country, name: string) => Omit<Draft, 'key'> | undefined,
  ) => ({
    name,
    source,
    drafts: all.flatMap((country) => {
      const draft = toDraft(country, inSentence(country.name.common));
      return draft === undefined ? [] : [{ key: country.cca2, ...draft }];
    }),
  });
  const names = (country: Country) => aliases.get(country.cca2)!;
  const single = nounsOfOneCurrency(all);

  return [
    relation('capital', (country, name) => ({
      question: `What is the capital of ${name}?`,
      aliases: [...country.capital, ...(OTHER_CAPITALS[country.cca2] ?? [])],
    })),
    relation('country-of-capital', (country) => ({
      question: `${country.capital[0]} is the capital of which country?`,
      aliases: names(country),
    })),
    relation('currency', (country, name) => ({
      question: `What is the currency of ${name}?`,
      aliases: currencyNames(country, single),
    })),
    relation('language', (country, name) => ({
      question: `What is the official language of ${name}?`,
      aliases: languageNames(country),
    })),
    relation('demonym', (country, name) => ({
      question: `What are people from ${name} called?`,
      aliases: demonyms(country),
    })),
    relation('country-of-demonym', (country) => ({
      question: `Which country do ${demonyms(country)[0]} people come from?`,
      aliases:
        all.filter((other) => demonyms(other)[0] === demonyms(country)[0]).length > 1 ? [] : names(country),
    })),
    {
      ...relation('continent', (country, name) => ({
        question: `Which continent is ${name} part of?`,
        aliases: TWO_CONTINENTS.has(country.cca2) ? [] : continents(country),
      })),
      choices: 6,
    },
    relation('border', (country, name) => ({
      question: `Which country has a border with ${name}?`,
      aliases: all.filter((other) => country.borders.includes(other.cca3)).flatMap(names),
    })),
    relation('internet-domain', (country, name) => ({
      question: `What is the internet top-level domain of ${name}?`,
      aliases: country.tld.filter((domain) => /^\.[a-z]{2}$/.test(domain)),
    })),
    relation('country-of-domain', (country) => ({
      question: `Which country has the internet domain ${country.tld[0]}?`,
      aliases: names(country),
    })),
    relation('calling-code', (country, name) => ({
      question: `What is the international telephone code of ${name}?`,
      aliases: callingCodes(country),
    })),
    relation('country-code', (country, name) => ({
      question: `What is the three-letter country code of ${name}?`,
      aliases: [country.cca3, country.cioc].filter((code) => code !== ''),
    })),
    relation('country-of-flag', (country) => ({
      question: `Which country has the flag ${country.flag}?`,
      aliases: names(country),
    })),
    relation('country-of-native-name', (country) => {
      const question = `Which country is called "${Object.values(country.name.native)[0].common}" by its own people?`;
      const [name, ...others] = names(country);
      // Repeating the question is no answer; a name that is the same in English leaves no question.
      return {
        question,
        aliases: name ? [name, ...others.filter((other) => !mentions(question, other))] : [],
      };
    }),
    ...Object.entries(TRANSLATIONS).map(([code, language]) =>
      relation(`name-in-${language.toLowerCase()}`, (country, name) => ({
        question: `What is the ${language} name of ${name}?`,
        aliases: [country.translations[code].common].filter((text) => !text.includes('(')),
      })),
    ),
  ];
}

/** The last words of the currencies that only one currency has, such as "zloty"; "dollar" is not one of them. */
function nounsOfOneCurrency(all: Country[]): Set<string> {
  const byNoun = new Map<string, Set<string>>();
  for (const country of all) {
    for (const { name } of Object.values(country.currencies)) {
      const noun = normalise(lastWord(name));
      byNoun.set(noun, (byNoun.get(noun) ?? new Set()).add(name));
    }
  }
  return new Set([...byNoun].filter(([, names]) => names.size === 1).map(([noun]) => noun));
}

const lastWord = (text: string) => text.slice(text.lastIndexOf(' ') + 1);

/**
 * The name of a country's only currency, with its code and, as the noun is enough for people, the noun. Where several
 * countries have a currency of that noun there is no question: "peso" would be right or wrong by taste.
 */
function currencyNames(country: Country, single: Set<string>): string[] {
  const currencies = Object.entries(country.currencies);
  if (currencies.length !== 1) return [];
  const [code, { name }] = currencies[0];
  return single.has(normalise(lastWord(name))) ? [lastWord(name), name, code] : [];
}

function languageNames(country: Country): string[] {
  return Object.values(country.languages)
    .filter((name) => !name.includes('Sign Language'))
    .flatMap((name) => {
      const broader = BROADER_LANGUAGES.filter((base) => name.includes(base));
      return [name, ...broader, ...(OTHER_LANGUAGES[name] ?? [])];
    });
}

function demonyms({ demonyms: { eng } }: Country): string[] {
  return eng === undefined ? [] : distinct([eng.m, eng.f].flatMap((name) => name.split(', ')));
}

function continents(country: Country): string[] {
  if (country.region === 'Oceania') return ['Oceania', 'Australia'];
  if (country.region !== 'Americas') return [country.region];
  return country.subregion === 'South America' ? ['South America'] : ['North America', 'Central America'];
}

function callingCodes({ idd: { root, suffixes } }: Country): string[] {
  // One number for a whole zone (+1, +7): the code of the zone is what people name.
  const isZone = root === '+1' || root === '+7';
  if (suffixes.length !== 1 && !isZone) return [];
  const codes = suffixes.length === 1 ? [root + suffixes[0]] : [root];
  return codes.flatMap((code) => [code, ...(root === '+1' && code !== root ? [`+1 ${code.slice(2)}`] : [])]);
}
