/** The time line of a billing point as bars. Pure. Days are texts such as 2026-01-31; both days of a stay belong to it. */
import type { Stay } from './types';

const DAY_MS = 86_400_000;
const at = (text: string): number => Date.parse(`${text}T00:00:00Z`);
export const dayOfNumber = (value: number): string => new Date(value).toISOString().slice(0, 10);

export interface Bar { stay: Stay; left: number; width: number; open: boolean }
export interface Line { first: string; last: string; bars: Bar[]; years: { label: string; left: number }[]; now: number }
const YEARS_BACK = 4;
const MONTHS_ON = 9;

/** Bars within a window around today, in percent of its width; what began earlier is cut. */
export function lineOf(stays: readonly Stay[], today: string): Line {
  const now = at(today);
  const begins = stays.map((stay) => at(stay.first));
  const ends = stays.flatMap((stay) => (stay.last ? [at(stay.last)] : [at(stay.first)]));
  const from = Math.max(Math.min(now - 365 * DAY_MS, ...begins), now - YEARS_BACK * 365 * DAY_MS);
  const to = Math.max(now + MONTHS_ON * 30 * DAY_MS, ...ends.map((end) => end + 90 * DAY_MS));
  const share = (value: number): number => Math.min(100, Math.max(0, ((value - from) / (to - from)) * 100));
  const bars = stays
    .map((stay) => {
      const left = share(at(stay.first));
      const right = stay.last ? share(at(stay.last) + DAY_MS) : 100;
      return { stay, left, width: right - left, open: stay.last === null };
    })
    .filter((bar) => bar.width > 0);
  const years = [];
  for (let year = new Date(from).getUTCFullYear() + 1; at(`${year}-01-01`) < to; year += 1) years.push({ label: String(year), left: share(at(`${year}-01-01`)) });
  return { first: dayOfNumber(from), last: dayOfNumber(to), bars, years, now: share(now) };
}

/** The day at a place of the line, `part` from 0 to 1. */
export function dayAt(line: Line, part: number): string {
  const [from, to] = [at(line.first), at(line.last)];
  return dayOfNumber(from + Math.min(1, Math.max(0, part)) * (to - from));
}

/** The days without anybody that a move leaves to the owner: [first, last], or null. */
export function gapOf(exit: string, entry: string): [string, string] | null {
  if (!exit || !entry) return null;
  const [first, last] = [dayOfNumber(at(exit) + DAY_MS), dayOfNumber(at(entry) - DAY_MS)];
  return first <= last ? [first, last] : null;
}
