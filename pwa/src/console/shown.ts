/** How values of the server are shown in the console. */
import { day as dayOf, has, number, t, type Key } from '../lib/words.svelte';

/** The word for a value of a list, such as status + in_operation. */
export const word = (kind: string, value: string | null): string => {
  if (value === null || value === '') return '–';
  return has(`${kind}_${value}`) ? t(`${kind}_${value}` as Key) : value;
};

/** A day without a time is the same everywhere: it is read as noon, so that no zone moves it. */
export const day = (text: string | null): string => (text ? dayOf(`${text}T12:00:00`) : '–');

export function period(first: string | null, last: string | null): string {
  if (!last) return t('since_day', { day: day(first) });
  return `${day(first)}\u2009–\u2009${day(last)}`;
}

export const today = (): string => new Date(Date.now() - new Date().getTimezoneOffset() * 60_000).toISOString().slice(0, 10);

export function dayAfter(text: string, days = 1): string {
  const at = new Date(`${text}T00:00:00Z`);
  at.setUTCDate(at.getUTCDate() + days);
  return at.toISOString().slice(0, 10);
}

/** A decimal of the server (text) in the person's form, with the places that it has. */
export function decimal(text: string): string {
  const places = text.includes('.') ? text.split('.')[1]?.replace(/0+$/, '').length ?? 0 : 0;
  return number(Number(text), places);
}

/** A decimal as people type it (0.35, 0,35, 1'000), as the server reads it; null where it cannot be read. */
export function decimalOf(text: string): string | null {
  const plain = text.replace(/[\s'’\u00a0\u202f]/g, '').replace(',', '.');
  return /^-?\d{1,9}(\.\d{1,6})?$/.test(plain) ? plain : null;
}

/** Days of the form "2026-01-01" in a list of periods that hold a day. */
export const holds = (one: { first: string | null; last: string | null }, at: string): boolean =>
  (one.first === null || one.first <= at) && (one.last === null || one.last >= at);
