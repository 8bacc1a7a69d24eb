/** Filter, sort and page rows as the address says. Pure. */
export interface Column<Row> {
  key: string;
  label: string;
  /** What is sorted by and searched in. */
  value: (row: Row) => string | number | boolean | null;
  /** What is shown, where it is not the value itself. */
  show?: (row: Row) => string;
  numeric?: boolean;
}
export interface Filter<Row> { key: string; label: string; choices: readonly (readonly [string, string])[]; fits: (row: Row, chosen: string) => boolean }
export const PAGE_ROWS = 50;

const plain = (text: string): string => text.toLocaleLowerCase().normalize('NFD').replace(/\p{M}/gu, '');

export function matching<Row>(rows: readonly Row[], columns: readonly Column<Row>[], filters: readonly Filter<Row>[], asked: (name: string) => string): Row[] {
  const words = plain(asked('q')).split(/\s+/).filter(Boolean);
  const chosen = filters.filter(({ key }) => asked(key));
  return rows.filter((row) => {
    if (!chosen.every(({ key, fits }) => fits(row, asked(key)))) return false;
    if (!words.length) return true;
    const text = plain(columns.map((column) => column.show?.(row) ?? String(column.value(row) ?? '')).join(' '));
    return words.every((one) => text.includes(one));
  });
}

/** `sort`: the key of a column, with "-" before it where the largest comes first. Equal rows keep their order. */
export function sorted<Row>(rows: readonly Row[], columns: readonly Column<Row>[], sort: string): Row[] {
  const column = columns.find(({ key }) => key === sort.replace(/^-/, ''));
  if (!column) return [...rows];
  const sign = sort.startsWith('-') ? -1 : 1;
  const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' });
  return [...rows].sort((a, b) => {
    const [one, two] = [column.value(a), column.value(b)];
    if (one === null || two === null) return one === two ? 0 : one === null ? 1 : -1;
    return sign * (typeof one === 'string' && typeof two === 'string' ? collator.compare(one, two) : Number(one) - Number(two));
  });
}

export function paged<Row>(rows: readonly Row[], page: string): { rows: Row[]; page: number; pages: number; from: number } {
  const pages = Math.max(1, Math.ceil(rows.length / PAGE_ROWS));
  const at = Math.min(pages, Math.max(1, Number.parseInt(page, 10) || 1));
  const from = (at - 1) * PAGE_ROWS;
  return { rows: rows.slice(from, from + PAGE_ROWS), page: at, pages, from };
}
