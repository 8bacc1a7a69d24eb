/** What a line of a price is for: the site's own name, sun or grid with the band, else ours. */
import { t, type Key } from './words.svelte';
interface Line { dimension: string; band: string; origin: string; label: string }

export function lineLabel(line: Line): string {
  if (line.label && !line.label.startsWith('correction:')) return line.label;
  if (line.dimension !== 'kwh' || line.origin === 'any') return t(`line_${line.dimension}_${line.band}` as Key);
  return [t(`line_${line.origin}` as Key), line.band === 'single' ? '' : t(`rate_${line.band}` as Key)].filter(Boolean).join(', ');
}
