/** Words and forms of the person's language; one JSON per language, loaded when needed. */
import { chosenLocale, LOCALES, type Locale } from './locale';

export { LOCALES, type Locale };
type Words = typeof import('../locales/en.json');
export type Key = keyof Words;

const files: Record<Locale, () => Promise<{ default: Words }>> = {
  de: () => import('../locales/de.json'),
  fr: () => import('../locales/fr.json'),
  it: () => import('../locales/it.json'),
  en: () => import('../locales/en.json'),
};
const state = $state<{ locale: Locale; words: Words | null }>({ locale: 'en', words: null });

export async function useLocale(locale: Locale): Promise<void> {
  state.words = (await files[locale]()).default;
  state.locale = locale;
  document.documentElement.lang = locale;
  localStorage.setItem('locale', locale);
}

export async function prepareWords(): Promise<void> {
  const kept = localStorage.getItem('locale');
  await useLocale(chosenLocale(kept ? [kept] : navigator.languages));
}

export const locale = (): Locale => state.locale;
const form = (): string => (state.locale === 'en' ? 'en-GB' : `${state.locale}-CH`);

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
export const kwh = (wh: number, places = 2): string => `${number(wh / 1000, places)} kWh`;
export const kw = (watts: number): string => `${number(watts / 1000, 1)} kW`;
export function price(text: string, currency: string): string {
  return new Intl.NumberFormat(form(), { style: 'currency', currency, maximumFractionDigits: 6 }).format(Number(text));
}
export function day(text: string): string {
  return new Intl.DateTimeFormat(form(), { day: 'numeric', month: 'short', year: 'numeric' }).format(new Date(text));
}
export function clock(text: string): string {
  return new Intl.DateTimeFormat(form(), { hour: '2-digit', minute: '2-digit' }).format(new Date(text));
}
export function month(period: string, length: 'long' | 'short' = 'long'): string {
  const options: Intl.DateTimeFormatOptions = length === 'long' ? { month: 'long', year: 'numeric' } : { month: 'short' };
  return new Intl.DateTimeFormat(form(), { ...options, timeZone: 'UTC' }).format(new Date(`${period}-15T00:00:00Z`));
}
export const minutes = (seconds: number): string => `${Math.floor(seconds / 60)} min`;
