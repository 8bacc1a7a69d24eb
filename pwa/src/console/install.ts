/** Words of the installation's pages. */
import { dayAndTime, has, moment, number, t, type Key } from '../lib/words.svelte';
import type { InstallStep, Outcome } from './types';
import type { Fact, Waiting } from './waiting.svelte';

type Ask = InstallStep['asks'][number];
const known = (key: string, params: Record<string, string | number> = {}): string => (has(key) ? t(key, params) : key);

export const device = (kind: string): string => known(`device_${kind}`);
export const how = (kind: string): string[] => known(`how_${kind}`).split('|');
export const useOf = (kind: string, medium: string): string => (medium === 'electricity' ? known(`use_${kind}`) : known(`inst_medium_${medium}`));

/** An entry's label; port_ and reach_ are about another device, out_ about an output. */
export function label(ask: Ask): string {
  const [prefix, rest] = ask.about ? [ask.name.slice(0, ask.name.indexOf('_')), ask.name.slice(ask.name.indexOf('_') + 1)] : [ask.name, ''];
  return known(`ask_${prefix}`, { about: ask.about, n: rest });
}

export function finding(step: InstallStep, one: InstallStep['open'][number]): string {
  const ask = step.asks.find((it) => it.name === one.about);
  return known(`open_${one.code}`, { ...one.params, ask: ask ? label(ask) : one.about });
}

export const why = (one: Outcome): string => known(`why_check_${one.code}`, { ...one.params, ...(typeof one.params?.at === 'string' ? { at: moment(one.params.at) } : {}) });
export const reason = (code: string): string => known(`reason_${code}`);
export const at = (text: string): string => dayAndTime(text);

const thousand = (ask: Ask): boolean => ask.kind === 'index';
/** What stands in an input for a value: an index in kWh or m³, addresses parted by commas. */
export function typed(ask: Ask, value: Fact | undefined): string {
  if (value === undefined) return '';
  if (Array.isArray(value)) return value.join(', ');
  return thousand(ask) && typeof value === 'number' ? String(value / 1000) : String(value);
}
/** The value of what somebody typed; undefined: nothing; null: it cannot be. */
export function valueOf(ask: Ask, text: string): Fact | null | undefined {
  const plain = text.trim();
  if (!plain) return undefined;
  if (ask.kind === 'text') return ask.name === 'ip' && !/^\d{1,3}(\.\d{1,3}){3}$/.test(plain) ? null : plain;
  if (ask.kind === 'addresses') {
    const all = plain.split(/[\s,;]+/).filter(Boolean).map(Number);
    return all.every((one) => Number.isInteger(one) && one >= ask.least && one <= ask.most) ? [...new Set(all)].sort((a, b) => a - b) : null;
  }
  const read = Number(plain.replace(/['’\u00a0\u202f ]/g, '').replace(',', '.').replace('−', '-'));
  const value = thousand(ask) ? Math.round(read * 1000) : read;
  return Number.isInteger(value) && value >= ask.least && value <= ask.most ? value : null;
}
export const unit = (medium: string): string => (medium.endsWith('water') ? 'm³' : 'kWh');

/** What was entered here and has not arrived yet counts on this page already. */
export const merged = (step: InstallStep, waiting: Waiting[]): Record<string, Fact> => Object.assign({}, step.facts, ...waiting.filter((one) => one.object === step.id && one.facts && !one.refused).map((one) => one.facts)) as Record<string, Fact>;
export const watts = (values: number[]): string[] => values.map((one) => `${number(one)}\u00a0W`);
export type { Ask, Key };
