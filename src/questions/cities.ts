import { safeAliases } from './aliases.js';
import { type City, cityData, stateData } from './packages.js';
import type { Draft, Relation } from './types.js';

/** Populations of the well-known and of the little-known places that are asked about, and how many of each at most. */
const WORLD: Tiers = { large: 250_000, largeEach: 25, small: 25_000, smallEach: 8 };
const US: Tiers = { large: 50_000, largeEach: 12, small: 5_000, smallEach: 10 };

/** A namesake elsewhere of at least this share of the population makes a question ambiguous. */
const NAMESAKE_SHARE = 0.1;

interface Tiers {
  large: number;
  largeEach: number;
  small: number;
  smallEach: number;
}

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
  const namesakes = groupBy(largest, (city) => city.name.toLowerCase());
  const isUnique = (city: City, place: (other: City) => string) =>
    namesakes
      .get(city.name.toLowerCase())!
      .every((other) => other.population < NAMESAKE_SHARE * city.population || place(other) === place(city));

  return [
    {
      name: 'country-of-city',
      source,
      drafts: countryCities(largest, countries, isUnique),
    },
    {
      name: 'state-of-city',
      source: sources,
      drafts: pick(
        largest.filter(
          (city) =>
            city.country === 'US' &&
            city.population >= US.small &&
            city.featureCode !== 'PPLA' &&
            stateName.has(city.adminCode) &&
            isUnique(city, (other) => `${other.country}.${other.adminCode}`),
        ),
        US,
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
      city.population >= WORLD.small &&
      city.featureCode !== 'PPLC' &&
      countries.has(city.country) &&
      !CONTESTED.has(`${city.country}.${city.adminCode}`) &&
      isUnique(city, (other) => other.country),
  );
  return pick(cities, WORLD, (city) => city.country).map((city) => ({
    key: String(city.cityId),
    question: `In which country is the city of ${city.name}?`,
    aliases: [
      ...countries.get(city.country)!,
      ...(city.country === 'GB' ? [UK_NATIONS[city.adminCode]] : []),
    ],
  }));
}

/**
 * The largest cities of each place, and some from all over the range of small ones: famous ones are mostly known, small ones mostly
 * not, and no place has more than its share (a third of all large cities are in China and India).
 */
function pick(cities: City[], tiers: Tiers, place: (city: City) => string): City[] {
  return [...groupBy(cities, place).values()].flatMap((group) => {
    const large = group.filter((city) => city.population >= tiers.large).slice(0, tiers.largeEach);
    const small = group.filter((city) => city.population < tiers.large);
    const step = Math.max(1, small.length / tiers.smallEach);
    const spread = small.filter((_, i) => Math.floor(i / step) !== Math.floor((i - 1) / step));
    return [...large, ...spread];
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
