/** The days that a report is about, from the address. */
import { asked } from './address';
import { today } from './shown';

/** The first and the last day of the month before a day. */
export function monthBefore(day: string): [string, string] {
  const [year, month] = day.split('-').map(Number) as [number, number];
  const start = new Date(Date.UTC(year, month - 2, 1));
  const end = new Date(Date.UTC(year, month - 1, 0));
  return [start.toISOString().slice(0, 10), end.toISOString().slice(0, 10)];
}

export function span(): [string, string] {
  const [first, last] = monthBefore(today());
  return [asked('first') || first, asked('last') || last];
}
