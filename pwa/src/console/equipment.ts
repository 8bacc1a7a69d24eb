/** What each kind of equipment is asked, how it is sent, and how the list names it. */
import { has, t, type Key } from '../lib/words.svelte';
import type { Values } from './form.svelte';
import { decimalOf } from './shown';
import type { DeviceRow, Equipment, EnteredStation, GatewayRow, MeterRow, SitePage } from './types';

export type Family = 'gateway' | 'meter' | 'device' | 'station';
export interface Row { id: string; family: Family; kind: string; name: string; serial: string; building: string; where: string; what: string; state: string }
export interface Question { name: string; kind?: 'text' | 'date' | 'number' | 'decimal' | 'check' | 'choice'; label: string; needed?: boolean; hint?: string; choices?: (readonly [string, string])[] }

/** In the order of the list. What is a meter or a station says so; everything else is a device or the gateway. */
export const KINDS: readonly string[] = [
  'gateway', 'router', 'rs485_converter', 'mbus_converter', 'switch', 'access_point', 'meter_electricity', 'meter_relay', 'meter_heat', 'meter_cooling',
  'meter_hot_water', 'meter_cold_water', 'meter_dso', 'meter_rule', 'station', 'station_remote', 'relay_module', 'reader', 'pv', 'battery',
];
export const DRIVES = ['nothing', 'heat_pump', 'water_heater', 'washing_machine', 'dryer', 'ebike_socket', 'other'];
export const familyOf = (kind: string): Family => (kind === 'gateway' ? 'gateway' : kind.startsWith('meter_') ? 'meter' : kind.startsWith('station') ? 'station' : 'device');
export const kindName = (kind: string): string => t(`equipment_${kind}` as Key);

export function kindOfMeter(meter: MeterRow): string {
  if (meter.source === 'dso' || meter.source === 'rule') return `meter_${meter.source}`;
  return meter.relay ? 'meter_relay' : `meter_${meter.medium}`;
}
export const kindOfStation = (station: EnteredStation): string => (station.remote ? 'station_remote' : 'station');
export const mode = (meter: MeterRow): string => (meter.medium === 'electricity' ? t(`mode_${meter.kind}` as Key) : '');

/** Everything as rows of one list. A meter without a building of its own is where its gateway or its billing point is. */
export function rowsOf(all: Equipment, page: SitePage, points: readonly { id: string; name: string; building_id: string }[]): Row[] {
  const building = new Map(page.buildings.map((one) => [one.id, one.name]));
  const gateway = new Map(all.gateways.map((one) => [one.id, one]));
  const point = new Map(points.map((one) => [one.id, one]));
  const named = (...ids: (string | null | undefined)[]): string => building.get(ids.find((id) => id) ?? '') ?? '';
  const by = (id: string | null | undefined, address: string): string => [gateway.get(id ?? '')?.name || gateway.get(id ?? '')?.serial, address].filter(Boolean).join(' · ');
  const gone = (day: string | null | undefined): string => (day ? t('equipment_removed') : '');
  return [
    ...all.gateways.map((one: GatewayRow): Row => ({ id: one.id, family: 'gateway', kind: 'gateway', name: one.name || one.serial, serial: one.serial, building: named(one.building_id), where: '', what: one.model, state: gone(one.removed_on) || (one.seen_at ? t('equipment_seen') : t('equipment_unseen')) })),
    ...all.meters.map((one: MeterRow): Row => {
      const now = point.get(one.links?.at(-1)?.billing_point_id ?? '');
      return { id: one.id, family: 'meter', kind: kindOfMeter(one), name: one.name || now?.name || one.serial, serial: one.serial, building: named(one.building_id, gateway.get(one.gateway_id ?? '')?.building_id, now?.building_id),
        where: by(one.gateway_id, one.bus_address === null || one.bus_address === undefined ? (one.address ?? '') : String(one.bus_address)), what: [mode(one), one.model].filter(Boolean).join(' · '), state: gone(one.removed_on) || (now?.name ?? '') };
    }),
    ...all.stations.map((one): Row => ({ id: one.id, family: 'station', kind: kindOfStation(one), name: one.name, serial: one.identity, building: named(one.building_id, gateway.get(one.gateway_id ?? '')?.building_id), where: by(one.gateway_id, one.circuit ?? ''), what: [one.vendor, one.model].filter(Boolean).join(' '), state: t(one.online ? 'equipment_online' : one.registered ? 'equipment_offline' : 'equipment_unseen') })),
    ...all.devices.map((one: DeviceRow): Row => ({ id: one.id, family: 'device', kind: one.kind, name: one.name || one.serial || kindName(one.kind), serial: one.serial ?? '', building: named(one.building_id, gateway.get(one.gateway_id ?? '')?.building_id), where: by(one.gateway_id, one.address ?? ''), what: [one.model || one.inverter, one.place].filter(Boolean).join(' · '), state: gone(one.removed_on) })),
  ];
}

const thousand = (text: string): number | null => {
  const plain = decimalOf(text);
  const found = plain === null ? null : /^(-?\d+)(?:\.(\d{1,3})\d*)?$/.exec(plain);
  return found ? Number(found[1]) * 1000 + Number((found[2] ?? '').padEnd(3, '0')) : null;
};
const thousandth = (value: number | null | undefined): string => (value === null || value === undefined ? '' : String(value / 1000));
/** Fields that are typed in thousands of what is sent: kW, kWp, kWh, m³. */
export const THOUSANDS = ['peak_w', 'usable_wh', 'charge_w', 'discharge_w', 'max_power_w', 'first_index'];
const NUMBERS = ['bus_address', 'amperage_a', 'phases', 'connectors'];
const NULLS = ['building_id', 'gateway_id', 'meter_id', 'parent_id', 'billing_point_id', 'installed_on', 'removed_on', 'sim', 'circuit', 'metering_code', ...NUMBERS];
const PARTS = /^(output|target|term)_/;

/** The name of the first field whose figure cannot be read, or ''. */
export function unreadable(values: Values): string {
  return Object.entries(values).find(([name, value]) => {
    if (value === '' || typeof value !== 'string') return false;
    return THOUSANDS.includes(name) ? thousand(value) === null : NUMBERS.includes(name) && !/^-?\d{1,6}$/.test(value.trim());
  })?.[0] ?? '';
}

/** What was typed as the server reads it; outputs, targets and terms are gathered whole where one of them was touched. */
export function bodyOf(values: Values, all: Values): Record<string, unknown> {
  const sent: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(values)) {
    if (PARTS.test(name)) continue;
    const text = typeof value === 'string' ? value.trim() : value;
    sent[name] = text === '' && NULLS.includes(name) ? null : THOUSANDS.includes(name) ? (text === '' ? undefined : thousand(String(text))) : NUMBERS.includes(name) ? Number(text) : text;
  }
  if ('keypad' in sent) sent.keypad = sent.keypad === true || sent.keypad === 'yes';
  const touched = (part: string): boolean => Object.keys(values).some((name) => name.startsWith(`${part}_`));
  if (touched('output')) sent.outputs = [1, 2, 3, 4].map((position) => ({ position, label: String(all[`output_label_${position}`] ?? '').trim(), drives: all[`output_drives_${position}`] }));
  if (touched('target')) sent.targets = targetsOf(all);
  if (touched('term')) sent.terms = Object.entries(all).filter(([name, value]) => name.startsWith('term_') && value !== '').map(([name, value]) => ({ meter_id: name.slice(5), sign: value === '+' ? 1 : -1 }));
  return sent;
}

function targetsOf(all: Values): Record<string, unknown>[] {
  return Object.keys(all).filter((name) => name.startsWith('target_what_') && all[name] !== '').map((name) => {
    const [what, id, output] = String(all[name]).split(':');
    const socket = Number(all[name.replace('what', 'socket')] || 0);
    return what === 'meter' ? { socket, meter_id: id } : { socket, module_id: id, output: Number(output) };
  });
}

/** What a form begins with: the values of what is there, or what a new one mostly is. */
export function startOf(kind: string, questions: readonly Question[], there?: Record<string, unknown>): Values {
  const preset: Values = { phases: '3', connectors: '1', max_power_w: '11', first_index: '', make: 'ocpp', uplink: kind === 'router' ? '4g' : '', keypad: 'no', kind: 'use', relay: kind === 'meter_relay' };
  return Object.fromEntries(questions.map((one) => {
    const value = there?.[one.name];
    if (PARTS.test(one.name)) return [one.name, one.name.startsWith('output_drives') ? 'nothing' : ''];
    if (there === undefined) return [one.name, one.kind === 'check' ? (preset[one.name] ?? false) : (preset[one.name] ?? '')];
    if (one.kind === 'check') return [one.name, value === true];
    if (one.name === 'keypad') return [one.name, value ? 'yes' : 'no'];
    return [one.name, THOUSANDS.includes(one.name) ? thousandth(value as number | null) : value === null || value === undefined ? '' : String(value)];
  }));
}

/** What a new one of a kind is besides what is asked. */
export function fixedOf(kind: string): Record<string, unknown> {
  if (kind === 'meter_dso' || kind === 'meter_rule') return { source: kind.slice(6) };
  if (kind === 'meter_relay') return { relay: true };
  if (kind.startsWith('meter_')) return kind === 'meter_electricity' ? {} : { medium: kind.slice(6), kind: 'use' };
  if (familyOf(kind) === 'station') return { remote: kind === 'station_remote' };
  return familyOf(kind) === 'device' ? { kind } : {};
}

export function questionsOf(kind: string, page: SitePage, all: Equipment, points: readonly { id: string; name: string }[], circuits: readonly string[], there?: { id: string }): Question[] {
  const none: readonly [string, string] = ['', '–'];
  const choice = (name: string, key: Key, choices: (readonly [string, string])[], more: Partial<Question> = {}): Question => ({ name, kind: 'choice', label: t(key), choices: more.needed ? choices : [none, ...choices], ...more });
  const words = (prefix: string, names: string[]): (readonly [string, string])[] => names.map((one) => [one, has(`${prefix}_${one}`) ? t(`${prefix}_${one}` as Key) : one] as const);
  const text = (name: string, key: Key, more: Partial<Question> = {}): Question => ({ name, label: t(key), ...more });
  const family = familyOf(kind);
  const meters = all.meters.filter((one) => one.id !== there?.id && !one.removed_on);
  const named = (one: MeterRow): readonly [string, string] => [one.id, [one.serial, one.name].filter(Boolean).join(' · ')];
  const building = choice('building_id', 'building', page.buildings.map((one) => [one.id, one.name]));
  const gateway = choice('gateway_id', 'equipment_gateway', all.gateways.filter((one) => !one.removed_on).map((one) => [one.id, one.name || one.serial]));
  const days = (label: Key = 'installed_on'): Question[] => [{ name: 'installed_on', kind: 'date', label: t(label), needed: kind === 'pv' }, ...(there ? [{ name: 'removed_on', kind: 'date' as const, label: t('removed_on') }] : [])];
  const name = text('name', 'name');
  if (family === 'gateway') return [...(there ? [] : [text('serial', 'serial', { needed: true })]), name, text('model', 'model'), building, ...days()];
  if (family === 'station') {
    return [text('identity', 'ocpp_identity', { needed: true, hint: t('ocpp_identity_hint') }), text('name', 'name', { needed: true }), text('place', 'place_of_it'), choice('make', 'model', words('make', ['ocpp', 'abb_terra']), { needed: true }), building,
      ...(kind === 'station' ? [gateway, ...(there ? [] : [choice('circuit', 'zone', circuits.map((one) => [one, one]))])] : []),
      { name: 'max_power_w', kind: 'decimal', label: t('max_power_kw'), needed: true }, choice('phases', 'phases', [['3', '3'], ['1', '1']], { needed: true }),
      ...(there ? [] : [{ name: 'connectors', kind: 'number' as const, label: t('connectors'), needed: true }, choice('billing_point_id', 'own_place_of', points.map((one) => [one.id, one.name]), { hint: t('own_place_hint') })])];
  }
  if (family === 'meter') return meterQuestions(kind, { text, choice, words, building, gateway, days, meters, named, points, there: there !== undefined });
  const measured = (counts: string): Question => choice('meter_id', 'its_meter', meters.filter((one) => one.kind === counts && one.medium === 'electricity').map(named));
  const own: Record<string, Question[]> = {
    router: [choice('uplink', 'uplink', words('uplink', ['4g', 'lan']), { needed: true }), text('sim', 'sim', { hint: t('sim_hint') })],
    relay_module: [1, 2, 3, 4].flatMap((n) => [text(`output_label_${n}`, 'output_label', { label: t('output_label', { n }) }), choice(`output_drives_${n}`, 'output_drives', words('drives', DRIVES), { needed: true, label: t('output_drives', { n }) })]),
    reader: [choice('keypad', 'keypad', [['no', t('no')], ['yes', t('yes')]], { needed: true }), ...targets(all, text, choice)],
    pv: [{ name: 'peak_w', kind: 'decimal', label: t('peak_kwp'), needed: true }, text('inverter', 'inverter'), measured('production')],
    battery: [{ name: 'usable_wh', kind: 'decimal', label: t('usable_kwh'), needed: true }, { name: 'charge_w', kind: 'decimal', label: t('charge_kw'), needed: true }, { name: 'discharge_w', kind: 'decimal', label: t('discharge_kw'), needed: true }, measured('battery')],
  };
  const numbered = kind === 'router' || kind === 'reader';
  return [text('serial', 'serial', { needed: numbered }), name, text('model', 'model'), building, text('place', 'place_of_it', { needed: kind === 'reader' }), ...(kind === 'router' || kind === 'pv' || kind === 'battery' ? [] : [gateway, text('address', 'device_address')]), ...(own[kind] ?? []), ...days(kind === 'pv' || kind === 'battery' ? 'commissioned_on' : 'installed_on')];
}

type Asks = { text: (name: string, key: Key, more?: Partial<Question>) => Question; choice: (name: string, key: Key, choices: (readonly [string, string])[], more?: Partial<Question>) => Question; words: (prefix: string, names: string[]) => (readonly [string, string])[]; building: Question; gateway: Question; days: (label?: Key) => Question[]; meters: MeterRow[]; named: (one: MeterRow) => readonly [string, string]; points: readonly { id: string; name: string }[]; there: boolean };

function meterQuestions(kind: string, { text, choice, words, building, gateway, days, meters, named, points, there }: Asks): Question[] {
  const electric = ['meter_electricity', 'meter_relay', 'meter_dso', 'meter_rule'].includes(kind);
  const physical = kind !== 'meter_dso' && kind !== 'meter_rule';
  const unit = kind.endsWith('water') ? 'm³' : 'kWh';
  return [
    text('serial', 'serial', { needed: true }), text('name', 'name'), ...(electric ? [choice('kind', 'meter_mode', words('mode', ['use', 'entry', 'production', 'battery']), { needed: true })] : []), ...(physical ? [text('model', 'model')] : []),
    building, ...(physical ? [gateway, { name: 'bus_address', kind: 'number' as const, label: t(electric ? 'bus_address' : 'mbus_address') }, text('address', 'network_address')] : []),
    ...(physical && electric ? [{ name: 'indirect', kind: 'check' as const, label: t('indirect') }, { name: 'amperage_a', kind: 'number' as const, label: t('amperage_of_meter') }, choice('phases', 'phases', [['3', '3'], ['1', '1']], { needed: true })] : []),
    ...(kind === 'meter_relay' ? [{ name: 'led', kind: 'check' as const, label: t('has_led') }] : []),
    ...(kind === 'meter_dso' ? [text('metering_code', 'metering_code')] : []),
    ...(kind === 'meter_rule' ? meters.map((one) => choice(`term_${one.id}`, 'part_of_it', [['+', t('added')], ['-', t('taken_off')]], { label: named(one)[1] })) : []),
    ...(electric ? [choice('parent_id', 'meter_above', meters.filter((one) => one.medium === 'electricity').map(named))] : []),
    ...(physical ? days() : []), ...(physical && !there ? [{ name: 'first_index', kind: 'decimal' as const, label: t('first_index', { unit }) }] : []), ...(there ? [] : [choice('billing_point_id', 'counts_for', points.map((one) => [one.id, one.name]))]),
  ];
}

function targets(all: Equipment, text: Asks['text'], choice: Asks['choice']): Question[] {
  const relays = all.meters.filter((one) => one.relay && !one.removed_on).map((one) => [`meter:${one.id}`, [one.serial, one.name].filter(Boolean).join(' · ')] as const);
  const outputs = all.devices.flatMap((one) => (one.outputs ?? []).filter((output) => output.drives !== 'nothing').map((output) => [`module:${one.id}:${output.position}`, `${one.name || one.serial || kindName(one.kind)} · ${output.label}`] as const));
  const count = Math.min(8, relays.length + outputs.length);
  return Array.from({ length: count }, (_, at) => at + 1).flatMap((n) => [choice(`target_what_${n}`, 'switches', [...relays, ...outputs], { label: t('switches', { n }) }), text(`target_socket_${n}`, 'socket_number', { kind: 'number', label: t('socket_number', { n }) })]);
}

/** The parts of what is there as the form's fields. */
export function partsOf(there: Record<string, unknown>): Values {
  const found: Values = {};
  for (const one of (there.outputs as DeviceRow['outputs']) ?? []) { found[`output_label_${one.position}`] = one.label ?? ''; found[`output_drives_${one.position}`] = one.drives ?? 'nothing'; }
  ((there.targets as DeviceRow['targets']) ?? []).forEach((one, at) => { found[`target_what_${at + 1}`] = one.meter_id ? `meter:${one.meter_id}` : `module:${one.module_id}:${one.output}`; found[`target_socket_${at + 1}`] = one.socket ? String(one.socket) : ''; });
  for (const one of (there.terms as MeterRow['terms']) ?? []) found[`term_${one.meter_id}`] = one.sign === 1 ? '+' : '-';
  return found;
}
