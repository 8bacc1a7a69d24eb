import { get, Problem, send } from './api';
import { go } from './router.svelte';
import type { Me } from './types';
import { useLocale, type Locale } from './words.svelte';

export const who = $state<{ me: Me | null; known: boolean }>({ me: null, known: false });

export function areaOf(me: Me): string {
  if (me.roles.includes('resident')) return '/';
  return me.roles.includes('owner') || me.roles.includes('proxy') ? '/owner' : '/operator';
}

export async function welcome(me: Me): Promise<void> {
  who.me = me;
  who.known = true;
  await useLocale(me.locale as Locale);
}

export async function findOut(): Promise<void> {
  try {
    await welcome(await get<Me>('/api/me'));
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    who.known = true;
  }
}

export async function signOut(): Promise<void> {
  await send('POST', '/api/sign-out');
  navigator.serviceWorker?.controller?.postMessage('forget');
  who.me = null;
  go('/signin');
}
