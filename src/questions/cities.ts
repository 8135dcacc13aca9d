import { words } from '../judge/normalise.js';
import { safeAliases } from './aliases.js';
import { type City, cityData, stateData } from './packages.js';
import type { Draft, Relation } from './types.js';

/** Smallest population of a city that is asked about, and of a namesake elsewhere that makes the question ambiguous. */
const CITY = 250_000;
const US_CITY = 50_000;
const NAMESAKE = 15_000;

/** At most so many cities of a country, the largest first: a third of all would be in China and India. */
const CITIES_PER_COUNTRY = 40;
const CITIES_PER_STATE = 25;

const UK_NATIONS: Record<string, string> = {
  ENG: 'England',
  SCT: 'Scotland',
  WLS: 'Wales',
  NIR: 'Northern Ireland',
};

/** First-order divisions whose country is contested: Crimea and Sevastopol. */
const CONTESTED = new Set(['UA.11', 'UA.20']);

/**
 * Cities in the world and in the US, and the capitals of the US states.
 *
 * @param countries accepted names of each country by its two-letter code
 */
export function cityRelations(countries: Map<string, string[]>): Relation[] {
  const { source, rows: places } = cityData();
  // Sections of a city are no cities.
  const rows = places.filter((city) => city.featureCode !== 'PPLX');
  const states = stateData();
  const sources = `${source}, ${states.source}`;
  const stateName = new Map(states.rows.map((state) => [state.abbreviation, state.name]));
  const stateAliases = safeAliases(
    states.rows.map((state) => ({ id: state.abbreviation, name: state.name, others: [] })),
  );
  const capitals = rows.filter(
    (city) => city.country === 'US' && city.featureCode === 'PPLA' && stateName.has(city.adminCode),
  );
  const largest = [...rows].sort((a, b) => b.population - a.population || a.cityId - b.cityId);
  const namesakes = groupBy(
    largest.filter((city) => city.population >= NAMESAKE),
    (city) => words(city.name).join(' '),
  );
  const isUnique = (city: City, place: (other: City) => string) =>
    namesakes.get(words(city.name).join(' '))!.every((other) => place(other) === place(city));

  return [
    {
      name: 'country-of-city',
      source,
      drafts: countryCities(largest, countries, isUnique),
    },
    {
      name: 'state-of-city',
      source: sources,
      drafts: firstOf(
        largest.filter(
          (city) =>
            city.country === 'US' &&
            city.population >= US_CITY &&
            city.featureCode !== 'PPLA' &&
            stateName.has(city.adminCode) &&
            isUnique(city, (other) => `${other.country}.${other.adminCode}`),
        ),
        CITIES_PER_STATE,
        (city) => city.adminCode,
      ).map((city) => ({
        key: String(city.cityId),
        question: `In which US state is the city of ${city.name}?`,
        aliases: stateAliases.get(city.adminCode)!,
      })),
    },
    {
      name: 'state-capital',
      source: sources,
      drafts: capitals.map((city) => ({
        key: city.adminCode,
        question: `What is the capital of the US state of ${stateName.get(city.adminCode)}?`,
        aliases: [city.name],
      })),
    },
    {
      name: 'state-of-capital',
      source: sources,
      drafts: capitals.map((city) => ({
        key: city.adminCode,
        question: `${city.name} is the capital of which US state?`,
        aliases: stateAliases.get(city.adminCode)!,
      })),
    },
  ];
}

function countryCities(
  largest: City[],
  countries: Map<string, string[]>,
  isUnique: (city: City, place: (other: City) => string) => boolean,
): Draft[] {
  const cities = largest.filter(
    (city) =>
      city.population >= CITY &&
      city.featureCode !== 'PPLC' &&
      countries.has(city.country) &&
      !CONTESTED.has(`${city.country}.${city.adminCode}`) &&
      isUnique(city, (other) => other.country),
  );
  return firstOf(cities, CITIES_PER_COUNTRY, (city) => city.country).map((city) => ({
    key: String(city.cityId),
    question: `In which country is the city of ${city.name}?`,
    aliases: [
      ...countries.get(city.country)!,
      ...(city.country === 'GB' ? [UK_NATIONS[city.adminCode]] : []),
    ],
  }));
}

/** The first `count` of each group, in the order given. */
function firstOf<T>(list: T[], count: number, key: (item: T) => string): T[] {
  const seen = new Map<string, number>();
  return list.filter((item) => {
    const n = (seen.get(key(item)) ?? 0) + 1;
    seen.set(key(item), n);
    return n <= count;
  });
}

function groupBy<T>(list: T[], key: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of list) {
    const group = groups.get(key(item));
    if (group) group.push(item);
    else groups.set(key(item), [item]);
  }
  return groups;
}
