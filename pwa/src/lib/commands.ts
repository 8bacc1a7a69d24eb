/** What may be asked of a station: the inputs of each command, and the command that they make. */
import type { StationDetail } from './types';

export type Input = 'connector' | 'place' | 'hard' | 'evse' | 'operative' | 'security' | 'resident' | 'session' | 'message' | 'names' | 'name' | 'value' | 'file' | 'amperes' | 'start_amperes' | 'minutes' | 'reservation' | 'text' | 'certificate' | 'signature' | 'variable' | 'monitor' | 'bound' | 'severity' | 'monitor_ids' | 'variables' | 'known' | 'known_by' | 'known_as';
export type Values = Partial<Record<Input, string>>;
type Command = Record<string, unknown>;
interface Form { inputs: Input[]; make: (values: Values) => Command }

const MESSAGES = ['StatusNotification', 'MeterValues', 'Heartbeat', 'BootNotification', 'FirmwareStatusNotification', 'DiagnosticsStatusNotification', 'SignCertificate', 'TransactionEvent'];
const MONITORS = ['UpperThreshold', 'LowerThreshold', 'Delta', 'Periodic', 'PeriodicClockAligned'];
const connector = (values: Values): number => Number(values.connector);
const place = (values: Values): number | null => (values.place ? Number(values.place) : null);
const decimal = (text?: string): string | null => text?.trim().replace(',', '.') || null;
const words = (text?: string): string[] => (text ?? '').split(/[\s,;]+/).filter(Boolean);
/** A signed firmware has both; the server refuses one alone. */
const signed = (v: Values): Command => {
  const [certificate, signature] = [v.certificate?.trim(), v.signature?.trim()];
  return { ...(certificate ? { certificate } : {}), ...(signature ? { signature } : {}) };
};
const seconds = (values: Values): number => (Number(values.minutes) || 60) * 60;

export const FORMS: Record<string, Form> = {
  Reset: { inputs: ['hard', 'evse'], make: (v) => ({ hard: v.hard === 'yes', ...(v.evse ? { connector: Number(v.evse) } : {}) }) },
  UnlockConnector: { inputs: ['connector'], make: (v) => ({ connector: connector(v) }) },
  RemoteStart: { inputs: ['connector', 'resident', 'start_amperes'], make: (v) => ({ connector: connector(v), person_id: v.resident, ...(decimal(v.start_amperes) ? { limit_a: decimal(v.start_amperes) } : {}) }) },
  RemoteStop: { inputs: ['session'], make: (v) => ({ session_id: v.session }) },
  ChangeAvailability: { inputs: ['operative', 'place'], make: (v) => ({ operative: v.operative === 'yes', connector: place(v) }) },
  Trigger: { inputs: ['message', 'place'], make: (v) => ({ message: v.message, connector: place(v) }) },
  ClearCache: { inputs: [], make: () => ({}) },
  PushLocalList: { inputs: [], make: () => ({}) },
  ReadConfiguration: { inputs: ['names'], make: (v) => ({ names: words(v.names) }) },
  WriteConfiguration: { inputs: ['name', 'value'], make: (v) => ({ settings: [{ name: v.name, value: v.value }] }) },
  GetDiagnostics: { inputs: ['security'], make: (v) => ({ security: v.security === 'yes' }) },
  UpdateFirmware: { inputs: ['file', 'certificate', 'signature'], make: (v) => ({ file_id: v.file, ...signed(v) }) },
  PublishFirmware: { inputs: ['file'], make: (v) => ({ file_id: v.file }) },
  UnpublishFirmware: { inputs: ['file'], make: (v) => ({ file_id: v.file }) },
  LimitPlace: { inputs: ['connector', 'amperes'], make: (v) => ({ connector: connector(v), limit_a: decimal(v.amperes) }) },
  GetCompositeSchedule: { inputs: ['connector', 'minutes'], make: (v) => ({ connector: connector(v), duration_s: seconds(v) }) },
  Reserve: { inputs: ['place', 'resident', 'minutes'], make: (v) => ({ connector: place(v), person_id: v.resident, until: new Date(Date.now() + seconds(v) * 1000).toISOString() }) },
  CancelReservation: { inputs: ['reservation'], make: (v) => ({ reservation_id: v.reservation }) },
  ShowMessage: { inputs: ['text'], make: (v) => ({ id: 1, text: v.text, language: document.documentElement.lang || 'de' }) },
  SetMonitors: { inputs: ['variable', 'monitor', 'bound', 'severity'], make: (v) => ({ monitors: [{ name: v.variable?.trim(), type: v.monitor, value: decimal(v.bound), severity: Number(v.severity) }] }) },
  ClearMonitors: { inputs: ['monitor_ids'], make: (v) => ({ ids: words(v.monitor_ids).map(Number) }) },
  GetMonitoringReport: { inputs: ['variables'], make: (v) => ({ names: words(v.variables) }) },
  CustomerInformation: { inputs: ['known', 'known_by', 'known_as'], make: (v) => ({ report: v.known !== 'clear', clear: v.known !== 'report', [v.known_by === 'tag' ? 'tag' : 'identifier']: v.known_as?.trim() }) },
};
/** Inputs that are chosen from a list; the others are typed. */
export const CHOSEN: ReadonlySet<Input> = new Set(['connector', 'place', 'evse', 'hard', 'operative', 'security', 'resident', 'session', 'message', 'file', 'reservation', 'monitor', 'severity', 'known', 'known_by']);
export const OPTIONAL: ReadonlySet<Input> = new Set(['place', 'evse', 'names', 'amperes', 'start_amperes', 'minutes', 'certificate', 'signature', 'variables']);
/** Typed inputs of several lines. */
export const LONG: ReadonlySet<Input> = new Set(['certificate', 'signature']);
/** Typed inputs that are numbers with a point. */
export const NUMBERS: ReadonlySet<Input> = new Set(['amperes', 'start_amperes', 'bound']);

/** What can be chosen: value and label; a label that is a word begins with @. */
export function choices(input: Input, station: StationDetail): [string, string][] {
  switch (input) {
    case 'hard': return [['no', '@reset_soft'], ['yes', '@reset_hard']];
    case 'operative': return [['yes', '@put_in_service'], ['no', '@take_out_of_service']];
    case 'security': return [['no', '@log_diagnostics'], ['yes', '@log_security']];
    case 'message': return MESSAGES.map((one) => [one, one]);
    case 'monitor': return MONITORS.map((one) => [one, `@monitor_${one}`]);
    case 'severity': return Array.from({ length: 10 }, (_, n): [string, string] => [String(9 - n), String(9 - n)]);
    case 'known': return [['report', '@known_report'], ['clear', '@known_clear'], ['both', '@known_both']];
    case 'known_by': return [['tag', '@known_by_badge'], ['identifier', '@known_by_identifier']];
    case 'connector': return station.connectors.map((one) => [String(one.number), String(one.number)]);
    case 'place': return [['', '@whole_station'], ...station.connectors.map((one): [string, string] => [String(one.number), String(one.number)])];
    // Only 2.0.1 restarts one connector alone.
    case 'evse': return [['', '@whole_station'], ...(station.ocpp_version === 'ocpp2.0.1' ? station.connectors : []).map((one): [string, string] => [String(one.number), String(one.number)])];
    case 'resident': return station.residents.map((one) => [one.id, one.name]);
    case 'session': return station.connectors.flatMap((one): [string, string][] => (one.session_id ? [[one.session_id, String(one.number)]] : []));
    case 'file': return station.firmwares.map((one) => [one.id, one.name]);
    case 'reservation': return station.reservations.filter((one) => ['asked', 'reserved'].includes(one.state)).map((one) => [one.id, `${one.connector ?? ''} ${one.person}`.trim()]);
    default: return [];
  }
}
