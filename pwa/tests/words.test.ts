import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isOld } from '../src/lib/age';
import { minorOf } from '../src/lib/amounts';
import { codeIn } from '../src/lib/codes';
import { chosenLocale, FORMS, LANGUAGES, LOCALES } from '../src/lib/locale';
import { pages } from '../src/lib/pages';

const HOUSE = join(import.meta.dirname, '../..');
const folder = join(HOUSE, 'pwa/src/locales');
const read = (name: string): Record<string, string> => JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8'));
const all = Object.fromEntries(LOCALES.map((name) => [name, { ...read(name), ...read(`console/${name}`) }]));
const holes = (text: string): string[] => [...new Set(text.match(/\{\w+\}/g) ?? [])].sort();

const python = (path: string): string => readFileSync(join(HOUSE, path), 'utf8');
function sources(path: string): string[] {
  return readdirSync(join(HOUSE, path)).flatMap((name) => {
    const inner = join(path, name);
    if (statSync(join(HOUSE, inner)).isDirectory()) return sources(inner);
    return name.endsWith('.py') ? [python(inner)] : [];
  });
}
const each = (text: string, pattern: RegExp): string[] => [...new Set([...text.matchAll(pattern)].map((found) => found[1] ?? ''))].sort();
function bodyOf(text: string, name: string): string {
  const from = text.indexOf(`def ${name}(`);
  const to = text.indexOf('\ndef ', from);
  return text.slice(from, to < 0 ? undefined : to);
}

const rules = python('app/charging/rules.py');
const placeBody = bodyOf(rules, 'connector_state');
const places = [...each(placeBody, /return "(\w+)"/g), ...each(placeBody, /: "(\w+)"/g), ...each(placeBody, /, "(\w+)"\), \{\}/g)];
const sessions = each(bodyOf(rules, 'session_state'), /return "(\w+)"/g);
const requests = [...each(rules.slice(rules.indexOf('REQUEST_STEPS'), rules.indexOf('class Close')), /"(\w+)"/g), 'no_news'];
// What residents and owners can meet; the console shows the server's own words where it has none.
const application = ['accounts', 'audit', 'billing', 'charging', 'installing', 'onboarding', 'payouts', 'privacy', 'residents', 'sites', 'tariffs'].flatMap((name) => sources(`app/${name}`)).join('\n');
const problems = [
  ...each(application, /\b[Rr]efused\(\s*"(\w+)"/g),
  ...['refusal', 'guest_refusal', '_busy'].flatMap((name) => each(bodyOf(rules, name), /"([a-z_]+)"(?= if | else|$|\n)/gm)),
  ...each(python('app/accounts/web/problems.py'), /\d{3}: "(\w+)"/g),
];
const held = [...each(rules, /Close\("held", None, "(\w+)"/g), ...each(bodyOf(rules, 'odd_clock'), /return "(\w+)"/g), ...each(python('app/metering/rules.py'), /return "(\w+)"/g),
  ...each(python('app/charging/missing_stops.py'), /Close\("held", None, "(\w+)"/g)];

describe('what the server can say', () => {
  it('is read from its rules', () => {
    expect(places).toEqual(expect.arrayContaining(['free', 'plugged', 'occupied', 'yours_charging', 'starting', 'offline', 'faulted', 'unavailable', 'finishing']));
    expect(sessions).toEqual(expect.arrayContaining(['held', 'ended', 'stopping', 'station_silent', 'paused_by_car', 'charging']));
    expect(requests).toEqual(expect.arrayContaining(['asked', 'plug_in', 'refused', 'no_answer', 'not_plugged_in']));
    expect(problems).toEqual(expect.arrayContaining(['not_allowed', 'connector_unavailable', 'unknown_code', 'too_large']));
    expect(held).toEqual(expect.arrayContaining(['register_fell', 'no_values', 'clock_ahead']));
  });
  it.each(LOCALES)('has its sentence in %s', (name) => {
    const wanted = Object.entries({ place: places, session: sessions, request: requests, problem: problems, held }).flatMap(([kind, keys]) => keys.map((key) => `${kind}_${key}`));
    expect(wanted.filter((key) => !all[name]?.[key])).toEqual([]);
  });
});

describe('a key', () => {
  it.each(LOCALES)('stands once in %s, in the pages or in the console', (name) => {
    const keys = [name, `console/${name}`].flatMap((file) => [...readFileSync(join(folder, `${file}.json`), 'utf8').matchAll(/^ *"(\w+)": /gm)].map((found) => found[1]));
    expect(keys.filter((key, at) => keys.indexOf(key) !== at)).toEqual([]);
  });
});

describe('what load balancing says', () => {
  const codes = each(python('app/charging/balancing/reasons.py'), /"([a-z]+_[a-z]+|sharing|rising)"/g);
  const findings = ['checks', 'zone_checks'].flatMap((name) => each(python(`app/charging/balancing/${name}.py`), /code="(\w+)"/g));
  it('is read from its rules', () => {
    expect(codes).toEqual(expect.arrayContaining(['sharing', 'rising', 'waiting_capacity', 'power_cap']));
    expect(findings).toEqual(expect.arrayContaining(['fail_safe_too_high', 'dlm_amperage_missing']));
  });
  it.each(LOCALES)('has its sentence in %s', (name) => {
    const wanted = [...codes.flatMap((code) => [`share_${code}`, `why_${code}`]), ...findings.map((code) => `finding_${code}`)];
    expect(wanted.filter((key) => !all[name]?.[key])).toEqual([]);
  });
});

describe('what an installer is told', () => {
  const rules = python('app/installing/rules.py');
  const open = [...each(rules, /code ?= ?"(\w+)"/g), ...each(rules, /code ?= ?"\w+" if .* else "(\w+)"/g)];
  const why = each(python('app/installing/checks.py'), /(?:_failed\(\d, |code=)"(\w+)"/g);
  const reasons = [...each(python('app/installing/handover.py'), /code="(\w+)"/g), 'check_failed'];
  const asks = [...each(rules, /Question\(name="(\w+)"/g), ...each(rules, /prefix="(\w+)"/g), ...each(rules, /^ {4}"router_lan.*_yes\("(\w+)"\)/gm), 'power', 'bus', 'network', 'out', 'wired_as_consumer'];
  const kinds = each(python('app/installing/model.py').split('ORDER')[0] ?? '', /"(\w+)"/g);
  it('is read from its rules', () => {
    expect(open).toEqual(expect.arrayContaining(['photo_missing', 'antenna_needed', 'still_weak', 'entry_missing', 'test_failed', 'silent', 'url_differs']));
    expect([...why, ...reasons]).toEqual(expect.arrayContaining(['never_answered', 'no_sun', 'entry_reversed', 'no_zone', 'not_checked', 'step_open']));
    expect(kinds).toEqual(expect.arrayContaining(['router_4g', 'thermal', 'remote_station']));
  });
  it.each(LOCALES)('has its sentence in %s', (name) => {
    const wanted = [...open.map((code) => `open_${code}`), ...why.map((code) => `why_check_${code}`), ...reasons.map((code) => `reason_${code}`), ...asks.map((code) => `ask_${code}`), ...kinds.flatMap((kind) => [`device_${kind}`, `how_${kind}`])];
    expect(wanted.filter((key) => !all[name]?.[key])).toEqual([]);
  });
});

describe('words', () => {
  it.each(LOCALES)('%s has every sentence with the same figures in it', (name) => {
    const words = all[name] ?? {};
    expect(Object.keys(words)).toEqual(Object.keys(all.en ?? {}));
    for (const [key, text] of Object.entries(all.en ?? {})) expect(holes(words[key] ?? ''), key).toEqual(holes(text));
  });
  it('leaves no sentence empty, shouts at nobody, and knows every page', () => {
    for (const words of Object.values(all)) for (const [key, text] of Object.entries(words)) expect(text.trim(), key).toMatch(/^[^!]+$/);
    for (const page of pages) expect(all.en).toHaveProperty(`title_${page.name}`);
  });
  it('has one file, one name and one form of numbers per language', () => {
    expect(readdirSync(folder).sort()).toEqual(['console', ...LOCALES.map((name) => `${name}.json`)].sort());
    expect(readdirSync(join(folder, 'console')).sort()).toEqual(LOCALES.map((name) => `${name}.json`).sort());
    for (const name of LOCALES) expect([LANGUAGES[name].length > 3, Intl.NumberFormat.supportedLocalesOf(FORMS[name])]).toEqual([true, [FORMS[name]]]);
  });
});

describe('the language', () => {
  it('is the first that we speak', () => expect(chosenLocale(['rm-CH', 'fr-CH', 'en'])).toBe('fr'));
  it('is Dutch for the Dutch', () => expect(chosenLocale(['nl-BE'])).toBe('nl'));
  it('is English where we speak none', () => expect(chosenLocale(['pt'])).toBe('en'));
});

describe('live values', () => {
  it('are old after thirty seconds of silence', () => {
    expect(isOld(1, 30_001)).toBe(false);
    expect(isOld(1, 30_002)).toBe(true);
  });
});

describe('an amount as typed', () => {
  it.each([['32.89', 3289], ['32,8', 3280], ['1’234.50', 123450], ['0.07', 7], ['12', 1200]])('%s is %i', (text, minor) => expect(minorOf(text)).toBe(minor));
  it.each(['', 'abc', '1.234', '-5', '1.2.3'])('"%s" is refused', (text) => expect(minorOf(text)).toBeNull());
});

describe('a QR code', () => {
  const here = 'https://hof.example';
  it('of this house is its code', () => expect(codeIn('https://hof.example/c/demo1x', here)).toBe('DEMO1X'));
  it.each(['https://other.example/c/DEMO1X', 'WIFI:S:x;;', 'javascript:alert(1)', 'https://hof.example/bills', 'http://hof.example/c/DEMO1X'])('%s is not', (text) => expect(codeIn(text, here)).toBeNull());
});
