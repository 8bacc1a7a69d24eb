import type { Session, State } from './types';
import { clock, has, kw, t, type Key } from './words.svelte';

/** A state as a sentence with its reason. */
export function sentence(kind: 'place' | 'session' | 'request', state: State): string {
  const key = `${kind}_${state.key}`;
  const params: Record<string, string> = {};
  for (const [name, value] of Object.entries(state.params)) {
    if (name === 'power_w') params.power = kw(Number(value));
    else if (name === 'since' || name === 'from' || name === 'at') params[name] = value ? clock(String(value)) : '–';
    else if (name === 'reason') params.reason = has(`held_${value}`) ? t(`held_${value}` as Key) : String(value);
    else params[name] = String(value);
  }
  return has(key) ? t(key, params) : state.key;
}

export const running = (session: Session): boolean => !['ended', 'held'].includes(session.state.key);
