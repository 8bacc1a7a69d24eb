export const LOCALES = ['de', 'fr', 'it', 'en', 'nl'] as const;
export type Locale = (typeof LOCALES)[number];
export const LANGUAGES: Record<Locale, string> = { de: 'Deutsch', fr: 'Français', it: 'Italiano', en: 'English', nl: 'Nederlands' };
/** The forms of numbers and dates: Swiss where the language is spoken in Switzerland. */
export const FORMS: Record<Locale, string> = { de: 'de-CH', fr: 'fr-CH', it: 'it-CH', en: 'en-GB', nl: 'nl-NL' };

/** The first of the wanted languages that we speak. */
export function chosenLocale(wanted: readonly string[]): Locale {
  for (const tag of wanted) {
    const found = LOCALES.find((locale) => tag.toLowerCase().split('-')[0] === locale);
    if (found) return found;
  }
  return 'en';
}
