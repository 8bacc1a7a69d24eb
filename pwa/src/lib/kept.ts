/** What this visit has read already, so that a page that was open once is drawn at once and then brought up to date. */
const kept = new Map<string, unknown>();

export const keep = (path: string, data: unknown): void => void kept.set(path, data);
export const keptOf = <T>(path: string): T | null => (kept.get(path) as T | undefined) ?? null;
export const forgetKept = (): void => kept.clear();
