/** The state of a list lives in the address, so that a link, a reload and the way back show the same rows. */
import { go, place } from '../lib/router.svelte';

export const asked = (name: string): string => new URLSearchParams(place.search).get(name) ?? '';

/** Change parts of the state; an empty one leaves the address. Another filter begins at the first page. */
export function ask(parts: Record<string, string>): void {
  const search = new URLSearchParams(place.search);
  if (!('page' in parts)) search.delete('page');
  for (const [name, value] of Object.entries(parts)) {
    if (value) search.set(name, value);
    else search.delete(name);
  }
  const text = search.toString();
  go(place.path + (text ? `?${text}` : ''), true);
}
