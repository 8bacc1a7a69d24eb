import { describe, expect, it } from 'vitest';
import de from '../src/locales/de.json';
import en from '../src/locales/en.json';
import fr from '../src/locales/fr.json';
import italian from '../src/locales/it.json';
import { isOld } from '../src/lib/age';
import { chosenLocale } from '../src/lib/locale';

const holes = (text: string): string[] => (text.match(/\{\w+\}/g) ?? []).sort();
const all = { de, fr, it: italian } as Record<string, Record<string, string>>;

describe('words', () => {
  it.each(Object.keys(all))('%s has every sentence with the same figures in it', (name) => {
    const words = all[name] ?? {};
    expect(Object.keys(words)).toEqual(Object.keys(en));
    for (const [key, text] of Object.entries(en)) expect(holes(words[key] ?? ''), key).toEqual(holes(text));
  });
  it('leaves no sentence empty', () => {
    for (const words of [en, ...Object.values(all)]) for (const text of Object.values(words)) expect(text.trim()).not.toBe('');
  });
  it('has a sentence for every state and refusal that the server knows', () => {
    const place = ['free', 'plugged', 'occupied', 'yours_charging', 'starting', 'offline', 'faulted', 'unavailable', 'finishing'];
    const request = ['asked', 'sent', 'plug_in', 'started', 'refused', 'no_answer', 'not_plugged_in', 'failed'];
    const session = ['waiting_for_car', 'charging', 'paused_by_car', 'paused_by_station', 'done_still_plugged', 'stopping', 'ended', 'held', 'stop_missing', 'station_silent'];
    const problem = ['not_allowed', 'station_offline', 'station_faulted', 'connector_occupied', 'connector_unavailable', 'already_charging', 'price_unknown'];
    const wanted = Object.entries({ place, request, session, problem }).flatMap(([kind, keys]) => keys.map((key) => `${kind}_${key}`));
    for (const key of wanted) expect(en, key).toHaveProperty(key);
  });
});

describe('the language', () => {
  it('is the first that we speak', () => expect(chosenLocale(['rm-CH', 'fr-CH', 'en'])).toBe('fr'));
  it('is English where we speak none', () => expect(chosenLocale(['pt'])).toBe('en'));
});

describe('live values', () => {
  it('are old after thirty seconds of silence', () => {
    expect(isOld(0, 30_000)).toBe(false);
    expect(isOld(0, 30_001)).toBe(true);
  });
});
