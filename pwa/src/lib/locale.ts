export const LOCALES = ['de', 'fr', 'it', 'en'] as const;
export type Locale = (typeof LOCALES)[number];

/** The first of the wanted languages that we speak. */
export function chosenLocale(wanted: readonly string[]): Locale {
  for (const tag of wanted) {
    const found = LOCALES.find((locale) => tag.toLowerCase().startsWith(locale));
    if (found) return found;
  }
  return 'en';
}
