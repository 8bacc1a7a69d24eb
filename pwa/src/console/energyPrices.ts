/** The form for prices of electricity and the components that it stands for. Pure. */
import type { Values } from './form.svelte';
import { decimalOf } from './shown';
import type { Component } from './types';

interface Prices { components: readonly Component[]; high_hours?: readonly { weekdays: readonly number[]; from_time: string; to_time: string }[] }
const WORKDAYS = [1, 2, 3, 4, 5];
export const NEEDED: readonly string[] = ['grid_single', 'grid_high', 'grid_low'];
const NAMES = { one: ['grid_single', 'solar_single'], two: ['grid_high', 'grid_low', 'solar_high', 'solar_low'] } as const;
const plain = (text: string | undefined): string => (text === undefined ? '' : String(Number(text)));
const namesOf = (values: Values): readonly string[] => [...NAMES[values.bands === 'two' ? 'two' : 'one'], 'month', 'kw'];

/** What is in force, as the form shows it. */
export function valuesOf(prices: Prices | undefined): Values {
  const parts = prices?.components ?? [];
  const of = (origin: string, band: string): string => plain(parts.find((part) => part.dimension === 'kwh' && (part.origin === origin || part.origin === 'any') && part.band === band)?.unit_price);
  const fixed = (dimension: string): string => plain(parts.find((part) => part.dimension === dimension)?.unit_price);
  const hours = prices?.high_hours?.[0];
  return {
    bands: parts.some((part) => part.band === 'high') ? 'two' : 'one', grid_single: of('grid', 'single'), grid_high: of('grid', 'high'), grid_low: of('grid', 'low'),
    solar_single: of('solar', 'single'), solar_high: of('solar', 'high'), solar_low: of('solar', 'low'),
    from_time: (hours?.from_time ?? '07:00').slice(0, 5), to_time: (hours?.to_time ?? '20:00').slice(0, 5), month: fixed('month'), kw: fixed('kw'),
  };
}

/** The first field whose number cannot be read, or null. */
export function unreadable(values: Values): string | null {
  return namesOf(values).find((name) => (values[name] || NEEDED.includes(name)) && decimalOf(String(values[name] ?? '')) === null) ?? null;
}

/** Solar energy without a price of its own costs what the grid does. */
export function componentsOf(values: Values): Record<string, unknown>[] {
  const amount = (name: string): string => decimalOf(String(values[name])) ?? '';
  const sun = namesOf(values).some((name) => name.startsWith('solar') && values[name]);
  return namesOf(values).filter((name) => values[name]).map((name) => {
    const [origin, band] = name.split('_');
    return band ? { dimension: 'kwh', origin: origin === 'grid' && !sun ? 'any' : origin, band, unit_price: amount(name) } : { dimension: name, unit_price: amount(name) };
  });
}

export const hoursOf = (values: Values): Record<string, unknown>[] => (values.bands === 'two' ? [{ weekdays: WORKDAYS, from_time: `${String(values.from_time)}:00`, to_time: `${String(values.to_time)}:00` }] : []);
