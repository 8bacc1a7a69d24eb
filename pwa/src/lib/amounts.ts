/** Minor units of an amount as people type it (12.50, 12,5, 1'234.50); null where it cannot be read. No floating point. */
export function minorOf(text: string): number | null {
  const found = /^(\d+)(?:[.,](\d{1,2}))?$/.exec(text.replace(/[\s'’\u00a0\u202f]/g, ''));
  return found ? Number(found[1]) * 100 + Number((found[2] ?? '').padEnd(2, '0')) : null;
}
