import { words } from '../../judge/normalise.js';
import {
  cityData,
  countryData,
  elementData,
  languageData,
  presidentData,
  stateData,
} from '../../questions/packages.js';
import { FAMOUS } from './famous.js';

/**
 * Every word, normalised, in the names that the built-in sets know: countries with their names in other languages, capitals and
 * demonyms, all cities of GeoNames' list, US states, elements, languages, presidents, and what the mirror set asks about and accepts.
 */
export function knownWords(): Set<string> {
  const known = new Set<string>();
  const seen = new Set<string>();
  const add = (...names: string[]) => {
    for (const name of names) {
      // Most parts of 135,000 city names come again and again, or are plain: normalising each would take seconds.
      for (const part of name.split(/[\s-]+/)) {
        if (seen.has(part)) continue;
        seen.add(part);
        if (/^[A-Za-z]+$/.test(part)) known.add(part.toLowerCase());
        else for (const word of words(part)) known.add(word);
      }
    }
  };
  for (const { name, altSpellings, capital, demonyms, translations } of countryData().rows) {
    const native = Object.values(name.native);
    const foreign = Object.values(translations);
    add(name.common, name.official, ...altSpellings, ...capital);
    for (const form of [...native, ...foreign]) add(form.common, form.official);
    for (const { m, f } of Object.values(demonyms ?? {})) add(m, f);
  }
  for (const { name } of cityData().rows) add(name);
  for (const { name } of [...stateData().rows, ...elementData().rows, ...presidentData().rows]) add(name);
  for (const { name, native } of languageData().rows) add(name, native);
  for (const things of Object.values(FAMOUS)) {
    for (const [thing, answers] of Object.entries(things)) add(thing, ...answers);
  }
  return known;
}
