/** The price form and the components that it stands for. Per dimension the first component that matches an hour wins. Pure. */
import type { Values } from './form.svelte';
import { decimalOf } from './shown';
import type { Component } from './types';

const WEEKEND = [6, 7];
const plain = (text: string | undefined): string => (text === undefined ? '' : String(Number(text)));
export const PRICES = ['single', 'high', 'low', 'session', 'minute', 'idle'] as const;

/** What is in force, as the form shows it. */
export function valuesOf(parts: readonly Component[]): Values {
  const first = (dimension: string, band?: string): Component | undefined => parts.find((part) => part.dimension === dimension && (!band || part.band === band));
  const [high, low, idle] = [parts.find((part) => part.dimension === 'kwh' && part.band === 'high'), first('kwh', 'low'), first('idle_minute')];
  return {
    bands: high ? 'two' : 'one', single: plain(first('kwh', 'single')?.unit_price), high: plain(high?.unit_price), low: plain(low?.unit_price),
    from_time: (high?.from_time ?? '07:00').slice(0, 5), to_time: (high?.to_time ?? '20:00').slice(0, 5), weekend: parts.some((part) => part.band === 'low' && part.weekdays?.join() === WEEKEND.join()),
    session: plain(first('session')?.unit_price), minute: plain(first('minute')?.unit_price), idle: plain(idle?.unit_price), grace: idle?.grace_minutes ? String(idle.grace_minutes) : '',
  };
}

/** The first field whose number cannot be read, or null. */
export function unreadable(values: Values): string | null {
  const shown = PRICES.filter((name) => (values.bands === 'two' ? name !== 'single' : name !== 'high' && name !== 'low'));
  const needed = values.bands === 'two' ? ['high', 'low'] : ['single'];
  const wrong = shown.find((name) => (values[name] || needed.includes(name)) && decimalOf(String(values[name])) === null);
  if (wrong) return wrong;
  return values.grace && !/^\d{1,4}$/.test(String(values.grace)) ? 'grace' : null;
}

export function componentsOf(values: Values): Record<string, unknown>[] {
  const amount = (name: string): string => decimalOf(String(values[name])) ?? '';
  const [from, to] = [`${values.from_time}:00`, `${values.to_time}:00`];
  const energy =
    values.bands === 'two'
      ? [
          ...(values.weekend ? [{ dimension: 'kwh', band: 'low', unit_price: amount('low'), weekdays: WEEKEND }] : []),
          { dimension: 'kwh', band: 'high', unit_price: amount('high'), from_time: from, to_time: to },
          { dimension: 'kwh', band: 'low', unit_price: amount('low'), from_time: to, to_time: from },
        ]
      : [{ dimension: 'kwh', band: 'single', unit_price: amount('single') }];
  return [
    ...energy,
    ...(values.session ? [{ dimension: 'session', unit_price: amount('session') }] : []),
    ...(values.minute ? [{ dimension: 'minute', unit_price: amount('minute') }] : []),
    ...(values.idle ? [{ dimension: 'idle_minute', unit_price: amount('idle'), grace_minutes: values.grace ? Number(values.grace) : null }] : []),
  ];
}
