/** The chart of a house's energy: spans, parts, axis. Pure. Days are texts such as 2026-01-31; pieces carry the place's own time. */
import type { Key } from '../lib/words.svelte';

export type Step = 'quarter' | 'hour' | 'day' | 'month' | 'year';
export const STEPS: Step[] = ['quarter', 'hour', 'day', 'month', 'year'];
export interface Piece {
  at: string; total: number | null; last_year: number | null; quality?: string; solar?: number | null; grid?: number | null; exported?: number | null;
  from_grid?: number | null; to_grid?: number | null; production?: number | null; self_consumed?: number | null; charged?: number | null; discharged?: number | null;
}
export interface Series { kind?: string; unit: string; step: string; first: string; last: string; time_zone: string; pieces: Piece[] }
export interface Part { name: string; label: Key; of: (piece: Piece) => number | null }
export interface Chart { title: Key; parts: Part[]; whole: (piece: Piece) => number | null; past: boolean }

const at = (day: string): Date => new Date(`${day}T00:00:00Z`);
const text = (day: Date): string => day.toISOString().slice(0, 10);
const moved = (day: string, years: number, months: number, days: number): string => {
  const one = at(day);
  return text(new Date(Date.UTC(one.getUTCFullYear() + years, one.getUTCMonth() + months, one.getUTCDate() + days)));
};

/** First and last day of the span around a day: a day of quarters, a week of hours, a month of days, a year of months, ten years. */
export function spanOf(step: Step, day: string): [string, string] {
  const year = day.slice(0, 4);
  if (step === 'quarter') return [day, day];
  if (step === 'hour') { const monday = moved(day, 0, 0, -((at(day).getUTCDay() + 6) % 7)); return [monday, moved(monday, 0, 0, 6)]; }
  if (step === 'day') { const first = `${day.slice(0, 7)}-01`; return [first, moved(first, 0, 1, -1)]; }
  if (step === 'month') return [`${year}-01-01`, `${year}-12-31`];
  return [`${Number(year) - 9}-01-01`, `${year}-12-31`];
}

/** The same span one earlier or later. */
export function turned(step: Step, day: string, by: number): string {
  const [first] = spanOf(step, day);
  if (step === 'quarter') return moved(day, 0, 0, by);
  if (step === 'hour') return moved(first, 0, 0, 7 * by);
  if (step === 'day') return moved(first, 0, by, 0);
  return moved(day, step === 'month' ? by : 10 * by, 0, 0);
}

const or0 = (value: number | null | undefined): number => value ?? 0;
const known = (value: number | null | undefined): number | null => value ?? null;
/** Of what a house used itself, what came out of the battery; the rest came from the roof at once. */
const stored = (piece: Piece): number => Math.min(or0(piece.discharged), or0(piece.self_consumed));

/** What is drawn: of a house its use and its production, of a place its use by origin, of a meter what it counted. */
export function chartsOf(series: Series): Chart[] {
  const some = (name: keyof Piece): boolean => series.pieces.some((piece) => piece[name] !== null && piece[name] !== undefined);
  if (series.pieces.some((piece) => 'from_grid' in piece)) {
    const used: Chart = { title: 'energy_used', whole: (piece) => piece.total, past: true, parts: [
      { name: 'sun', label: 'energy_sun', of: (piece) => (piece.self_consumed === null ? null : or0(piece.self_consumed) - stored(piece)) },
      ...(some('discharged') ? [{ name: 'store', label: 'energy_from_store' as Key, of: (piece: Piece) => (known(piece.discharged) === null ? null : stored(piece)) }] : []),
      { name: 'net', label: 'energy_from_grid', of: (piece) => known(piece.from_grid) },
    ] };
    const made: Chart = { title: 'energy_made', whole: (piece) => known(piece.production), past: false, parts: [
      { name: 'sun', label: 'energy_self', of: (piece) => (piece.production === null ? null : Math.max(0, or0(piece.production) - or0(piece.to_grid) - or0(piece.charged))) },
      ...(some('charged') ? [{ name: 'store', label: 'energy_to_store' as Key, of: (piece: Piece) => known(piece.charged) }] : []),
      { name: 'out', label: 'energy_to_grid', of: (piece) => known(piece.to_grid) },
    ] };
    return some('production') ? [used, made] : [used];
  }
  if (some('solar')) return [{ title: 'energy_used', whole: (piece) => piece.total, past: true, parts: [{ name: 'sun', label: 'energy_sun', of: (piece) => known(piece.solar) }, { name: 'net', label: 'energy_from_grid', of: (piece) => known(piece.grid) }] }];
  const own: Chart = { title: 'energy_counted', whole: (piece) => piece.total, past: true, parts: [{ name: series.kind ?? 'net', label: 'energy_in', of: (piece) => piece.total }] };
  if (!some('exported')) return [own];
  return [own, { title: 'energy_counted_out', whole: (piece) => known(piece.exported), past: false, parts: [{ name: 'out', label: 'energy_out', of: (piece) => known(piece.exported) }] }];
}

export const sum = (pieces: readonly Piece[], of: (piece: Piece) => number | null): number | null =>
  pieces.reduce<number | null>((all, piece) => { const one = of(piece); return one === null ? all : (all ?? 0) + one; }, null);

/** Last year's amount of the pieces that have one this year: what is compared is the same stretch of time. */
export const before = (pieces: readonly Piece[]): number | null => sum(pieces, (piece) => (piece.total === null ? null : piece.last_year));

/** A round number at or above a value, for the top of an axis; halves of it are round as well. */
export function roundTop(value: number): number {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 4, 6, 8, 10].find((one) => one * power >= value) ?? 10) * power;
}

/** The local time of a piece, with its distance from UTC where an hour comes twice. */
export function clockOf(piece: Piece, pieces: readonly Piece[]): string {
  const local = piece.at.slice(0, 16);
  return piece.at.slice(11, 16) + (pieces.filter((one) => one.at.startsWith(local)).length > 1 ? ` (UTC${piece.at.slice(19).replace(/^\.\d+/, '')})` : '');
}
