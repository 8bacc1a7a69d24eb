/** The fields of a person's or company's account. */
import { locale } from '../lib/words.svelte';
import type { Values } from './form.svelte';
import type { PersonPage } from './types';

const TEXTS = ['given_name', 'family_name', 'phone', 'street', 'postcode', 'city', 'country', 'correspondence', 'locale'] as const;
export const PERSON_FIELDS = [...TEXTS, 'kind', 'email'] as const;

/** A new account lives where the site is, until somebody says otherwise. */
export const freshPerson = (at: { street: string; postcode: string; city: string; country: string } | null): Values => ({
  kind: 'natural', given_name: '', family_name: '', email: '', phone: '', locale: locale(), correspondence: 'email', street: at?.street ?? '', postcode: at?.postcode ?? '', city: at?.city ?? '', country: at?.country ?? 'CH',
});

export const valuesOf = (person: PersonPage['person']): Values => ({ ...Object.fromEntries(TEXTS.map((name) => [name, person[name]])), kind: person.kind, email: person.email ?? '' });

export function personBody(values: Values, names: readonly string[] = PERSON_FIELDS): Record<string, unknown> {
  return Object.fromEntries(names.map((name) => [name, name === 'email' ? values.email || null : name === 'given_name' && values.kind === 'legal' ? '' : values[name]]));
}
