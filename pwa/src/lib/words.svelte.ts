/** Words and forms of the person's language; one JSON per language, loaded when needed. */
import { chosenLocale, FORMS, LANGUAGES, LOCALES, type Locale } from './locale';

export { LANGUAGES, LOCALES, type Locale };
type Words = typeof import('../locales/en.json');
type ConsoleWords = typeof import('../locales/console/en.json');
export type Key = keyof Words | keyof ConsoleWords;

const files: Record<Locale, () => Promise<{ default: Words }>> = {
  de: () => import('../locales/de.json'),
  fr: () => import('../locales/fr.json'),
  it: () => import('../locales/it.json'),
  en: () => import('../locales/en.json'),
  nl: () => import('../locales/nl.json'),
};
/** The console's words: only who opens the console loads them. */
const consoleFiles: Record<Locale, () => Promise<{ default: ConsoleWords }>> = {
  de: () => import('../locales/console/de.json'),
  fr: () => import('../locales/console/fr.json'),
  it: () => import('../locales/console/it.json'),
  en: () => import('../locales/console/en.json'),
  nl: () => import('../locales/console/nl.json'),
};
const state = $state<{ locale: Locale; words: (Words & Partial<ConsoleWords>) | null }>({ locale: 'en', words: null });
const CHOSEN = 'locale';
let inConsole = false;

/** To be awaited by the console before it shows anything. */
export async function prepareConsoleWords(): Promise<void> {
  if (inConsole || !state.words) return;
  state.words = { ...state.words, ...(await consoleFiles[state.locale]()).default };
  inConsole = true;
}

async function useLocale(locale: Locale): Promise<void> {
  if (state.words && state.locale === locale) return;
  const [own, more] = await Promise.all([files[locale](), inConsole ? consoleFiles[locale]() : null]);
  state.words = { ...own.default, ...more?.default };
  state.locale = locale;
  document.documentElement.lang = locale;
}

/** The language that somebody chose on this device counts more than the one of their login. */
export const chooseLocale = async (locale: Locale): Promise<void> => {
  localStorage.setItem(CHOSEN, locale);
  await useLocale(locale);
};

export async function prepareWords(ofLogin?: string): Promise<void> {
  const chosen = localStorage.getItem(CHOSEN);
  await useLocale(chosenLocale(chosen ? [chosen] : ofLogin ? [ofLogin] : navigator.languages));
}

export const locale = (): Locale => state.locale;
const form = (): string => FORMS[state.locale];

export function t(key: Key, params: Record<string, string | number> = {}): string {
  const text = state.words?.[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(params[name] ?? whole));
}

export const has = (key: string): key is Key => state.words !== null && key in state.words;

export function money(minor: number, currency: string): string {
  return new Intl.NumberFormat(form(), { style: 'currency', currency }).format(minor / 100);
}
export function number(value: number, places = 0): string {
  return new Intl.NumberFormat(form(), { minimumFractionDigits: places, maximumFractionDigits: places }).format(value);
}
/** Energy, everywhere to ten watt hours; registers and price lines to one. */
export const kwh = (wh: number, places = 2): string => `${number(wh / 1000, places)}\u00a0kWh`;
export const kw = (watts: number): string => `${number(watts / 1000, 1)}\u00a0kW`;
export function price(text: string, currency: string): string {
  return new Intl.NumberFormat(form(), { style: 'currency', currency, maximumFractionDigits: 6 }).format(Number(text));
}
export function day(text: string): string {
  return new Intl.DateTimeFormat(form(), { day: 'numeric', month: 'short', year: 'numeric' }).format(new Date(text));
}
/** A day and the time; the year only where it is not this one. */
export function dayAndTime(text: string): string {
  const at = new Date(text);
  const year = at.getFullYear() === new Date().getFullYear() ? undefined : 'numeric';
  return `${new Intl.DateTimeFormat(form(), { day: 'numeric', month: 'short', year }).format(at)}, ${clock(text)}`;
}
export function clock(text: string): string {
  return new Intl.DateTimeFormat(form(), { hour: '2-digit', minute: '2-digit' }).format(new Date(text));
}
/** The time of day, with the day where it is not today. */
export function moment(text: string): string {
  return new Date(text).toDateString() === new Date().toDateString() ? clock(text) : dayAndTime(text);
}
export function month(period: string, length: 'long' | 'short' = 'long'): string {
  const options: Intl.DateTimeFormatOptions = length === 'long' ? { month: 'long', year: 'numeric' } : { month: 'short' };
  return new Intl.DateTimeFormat(form(), { ...options, timeZone: 'UTC' }).format(new Date(`${period}-15T00:00:00Z`));
}
export const minutes = (seconds: number): string => `${number(Math.floor(seconds / 60))}\u00a0min`;
/** A length of time as hours and minutes. */
export function duration(seconds: number): string {
  const all = Math.floor(seconds / 60);
  return all < 60 ? minutes(seconds) : `${Math.floor(all / 60)}\u00a0h ${String(all % 60).padStart(2, '0')}\u00a0min`;
}
