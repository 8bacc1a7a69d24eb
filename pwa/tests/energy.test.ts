import { describe, expect, it } from 'vitest';
import { before, chartsOf, clockOf, roundTop, spanOf, sum, turned, type Piece, type Series } from '../src/console/energy';

const piece = (more: Partial<Piece>): Piece => ({ at: '2026-07-01T12:00:00+02:00', total: null, last_year: null, ...more });
const series = (pieces: Piece[]): Series => ({ unit: 'Wh', step: 'day', first: '2026-07-01', last: '2026-07-01', time_zone: 'Europe/Zurich', pieces });

describe('a span', () => {
  it('is a day, a week, a month, a year or ten around a day', () => {
    expect(spanOf('quarter', '2026-03-29')).toEqual(['2026-03-29', '2026-03-29']);
    expect(spanOf('hour', '2026-11-01')).toEqual(['2026-10-26', '2026-11-01']);
    expect(spanOf('day', '2028-02-11')).toEqual(['2028-02-01', '2028-02-29']);
    expect(spanOf('month', '2026-07-31')).toEqual(['2026-01-01', '2026-12-31']);
    expect(spanOf('year', '2026-07-31')).toEqual(['2017-01-01', '2026-12-31']);
  });
  it('is turned to the one before without losing a month', () => {
    expect(turned('day', '2026-03-31', -1)).toBe('2026-02-01');
    expect(turned('hour', '2026-11-01', -1)).toBe('2026-10-19');
    expect(turned('year', '2026-07-31', 1)).toBe('2036-07-31');
  });
});

describe('a house with a battery', () => {
  const day = piece({ total: 900, from_grid: 300, to_grid: 150, production: 800, self_consumed: 600, charged: 200, discharged: 150, last_year: 700 });
  const [used, made] = chartsOf(series([day]));
  const parts = (chart: typeof used): Record<string, number | null> => Object.fromEntries((chart?.parts ?? []).map((part) => [part.name, part.of(day)]));
  it('used what came from the roof at once, from the battery and from the grid', () => {
    expect(parts(used)).toEqual({ sun: 450, store: 150, net: 300 });
    expect(used?.whole(day)).toBe(900);
  });
  it('produced what was used, stored and fed in', () => {
    expect(parts(made)).toEqual({ sun: 450, store: 200, out: 150 });
    expect(made?.whole(day)).toBe(800);
  });
});

describe('what is not known', () => {
  it('is no nothing: without a roof there is no production, without a battery no storage', () => {
    const bare = piece({ total: 500, from_grid: 500, to_grid: null, production: null, self_consumed: null, charged: null, discharged: null });
    const charts = chartsOf(series([bare]));
    expect(charts.map((chart) => [chart.title, chart.parts.map((part) => part.name)])).toEqual([['energy_used', ['sun', 'net']]]);
    expect(sum([piece({})], (one) => one.total)).toBeNull();
  });
  it('is compared with nothing of the year before', () => expect(before([piece({ total: 5, last_year: 4 }), piece({ last_year: 9 })])).toBe(4));
});

describe('an hour that comes twice', () => {
  const twice = ['2025-10-26T02:15:00+02:00', '2025-10-26T02:15:00+01:00'].map((at) => piece({ at }));
  it('is told apart by its distance from UTC', () => expect(twice.map((one) => clockOf(one, twice))).toEqual(['02:15 (UTC+02:00)', '02:15 (UTC+01:00)']));
});

describe('the top of an axis', () => {
  it.each([[0, 1], [7, 8], [41, 60], [1000, 1000], [1001, 2000]])('above %i is %i', (value, top) => expect(roundTop(value)).toBe(top));
});
