import type { Session, State } from './types';
import { has, kw, moment, t, type Key } from './words.svelte';

/** A state as a sentence with its reason. */
export function sentence(kind: 'place' | 'session' | 'request', state: State): string {
  const key = `${kind}_${state.key}`;
  const params: Record<string, string> = {};
  for (const [name, value] of Object.entries(state.params)) {
    if (name === 'power_w') params.power = kw(Number(value));
    else if (['since', 'from', 'at', 'until'].includes(name)) params[name] = value ? moment(String(value)) : '–';
    else if (name === 'reason') params.reason = t((has(`held_${value}`) ? `held_${value}` : 'held_other') as Key);
    else params[name] = String(value);
  }
  return t(has(key) ? key : 'state_unknown', params);
}

export const running = (session: Session): boolean => !['ended', 'held'].includes(session.state.key);

export type Sign = 'free' | 'plug' | 'car' | 'power' | 'wait' | 'away' | 'fault' | 'no';
const SIGNS: Record<string, Sign> = {
  free: 'free', ended: 'free', plugged: 'plug', plug_in: 'plug', done_still_plugged: 'plug', finishing: 'plug', occupied: 'car', charging: 'power',
  yours_charging: 'power', started: 'power', offline: 'away', station_silent: 'away', stop_missing: 'away', faulted: 'fault', held: 'fault',
  refused: 'no', no_answer: 'no', not_plugged_in: 'no', failed: 'no', unavailable: 'no', no_news: 'no', reserved: 'no', reserved_for_you: 'free',
};
export const signOf = (key: string): Sign => SIGNS[key] ?? 'wait';
