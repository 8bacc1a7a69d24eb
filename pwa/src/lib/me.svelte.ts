import { get, Problem, send, signedOut } from './api';
import { forgetKept } from './kept';
import { live } from './live.svelte';
import { go } from './router.svelte';
import type { Me } from './types';
import { chooseLocale, prepareWords, type Locale } from './words.svelte';

/** `trouble`: why we could not find out who this is; known only when the server (or its kept answer) has said so. */
export const who = $state<{ me: Me | null; known: boolean; trouble: string }>({ me: null, known: false, trouble: '' });

// Nobody has signed in on this device: there is nothing to ask the server, and a refusal would only be noise.
const HINT = 'signed-in';

const is = (me: Me | null, ...roles: string[]): boolean => me !== null && roles.some((role) => me.roles.includes(role));
export const isResident = (me: Me | null): boolean => is(me, 'resident');
export const isOwner = (me: Me | null): boolean => is(me, 'owner', 'proxy');
export const isOperator = (me: Me | null): boolean => is(me, 'operator', 'superadmin');
export const isSupport = (me: Me | null): boolean => is(me, 'support');
export const isInstaller = (me: Me | null): boolean => is(me, 'installer');
export const isSuperadmin = (me: Me | null): boolean => is(me, 'superadmin');
/** Who can have a meter in an energy community. */
export const mayBeMember = (me: Me | null): boolean => is(me, 'resident', 'former_resident', 'owner', 'proxy');
/** Whoever has a part in the administration of sites. */
export const administers = (me: Me | null): boolean => isOwner(me) || isOperator(me) || isSupport(me) || isInstaller(me);

export function areaOf(me: Me): string {
  if (isResident(me)) return '/';
  if (isOwner(me)) return '/owner';
  if (isOperator(me)) return '/operator';
  if (isSupport(me)) return '/review';
  return isInstaller(me) ? '/console' : '/account';
}

export async function welcome(me: Me): Promise<void> {
  localStorage.setItem(HINT, '1');
  await prepareWords(me.locale);
  who.me = me;
  who.known = true;
  who.trouble = '';
}

export async function findOut(): Promise<void> {
  who.trouble = '';
  if (!localStorage.getItem(HINT)) {
    who.known = true;
    return;
  }
  try {
    await welcome(await get<Me>('/api/me'));
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (error.status === 401) who.known = true;
    else who.trouble = error.message;
  }
}

/** Keep the language with the login; it counts on this device at once. */
export async function speak(locale: Locale): Promise<void> {
  await chooseLocale(locale);
  if (!who.me) return;
  try {
    who.me = await send<Me>('PATCH', '/api/me', { version: who.me.version, locale });
  } catch (problem) {
    // Chosen on another device in the meantime: what is chosen here now is known to be the later one.
    if (!(problem instanceof Problem) || problem.code !== 'changed_meanwhile') throw problem;
    who.me = await send<Me>('PATCH', '/api/me', { version: problem.params.version, locale });
  }
}

function forget(): void {
  localStorage.removeItem(HINT);
  navigator.serviceWorker?.controller?.postMessage('forget');
  forgetKept();
  live.close();
  who.me = null;
  who.known = true;
}
signedOut.tell = forget;

export async function signOut(): Promise<void> {
  await send('POST', '/api/sign-out');
  forget();
  go('/signin');
}
