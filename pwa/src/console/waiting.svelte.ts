/** Entries and photos of an installer: kept on this device until the server has them, and sent as often as it takes. The server stores
 * each once, by the id that is made here. */
import { Problem, send } from '../lib/api';

export type Fact = boolean | number | string | number[];
export interface Waiting { id: string; login: string; site: string; object: string; at: string; facts?: Record<string, Fact>; photo?: ArrayBuffer; refused?: string }

const AGAIN_MS = 10_000;
const PATIENCE_MS = 30_000;
const STORE = 'waiting';
/** `kept`: whether this browser can keep anything. `sent`: counts what arrived, so that pages read again. */
export const waiting = $state<{ items: Waiting[]; sent: number; kept: boolean; sending: boolean }>({ items: [], sent: 0, kept: true, sending: false });
let mine = '';
let timer = 0;

const done = <T>(request: IDBRequest<T>): Promise<T> => new Promise((resolve, reject) => {
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error ?? new Error('the store does not answer'));
});
let opened: Promise<IDBDatabase> | null = null;
function open(): Promise<IDBDatabase> {
  if (opened) return opened;
  const request = indexedDB.open('installing', 1);
  request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: 'id' });
  return (opened = done(request));
}
async function write(work: (store: IDBObjectStore) => void): Promise<void> {
  const change = (await open()).transaction(STORE, 'readwrite');
  work(change.objectStore(STORE));
  await new Promise<void>((resolve, reject) => {
    change.oncomplete = () => resolve();
    change.onerror = change.onabort = () => reject(change.error ?? new Error('the store is full'));
  });
}

/** What this login has left on this device; other people's things stay untouched. */
export async function begin(login: string): Promise<void> {
  mine = login;
  try {
    const all = await done<Waiting[]>((await open()).transaction(STORE).objectStore(STORE).getAll());
    waiting.items = all.filter((one) => one.login === login).sort((a, b) => a.at.localeCompare(b.at));
    await navigator.storage?.persist?.();
  } catch {
    waiting.kept = false; // a private window, or no room: the page says so, and what is entered is sent at once or not at all
  }
  addEventListener('online', again);
  document.addEventListener('visibilitychange', again);
  void flush();
}
export function end(): void {
  removeEventListener('online', again);
  document.removeEventListener('visibilitychange', again);
  clearTimeout(timer);
}
const again = (): void => void (document.visibilityState === 'visible' && flush());

/** Keep something and try to send it. True where it has arrived. */
export async function put(site: string, object: string, what: { facts: Record<string, Fact> } | { photo: ArrayBuffer }): Promise<boolean> {
  const one: Waiting = { id: crypto.randomUUID(), login: mine, site, object, at: new Date().toISOString(), ...what };
  if (waiting.kept) await write((store) => store.put($state.snapshot(one)));
  waiting.items = [...waiting.items, one];
  await flush();
  return !waiting.items.some((left) => left.id === one.id);
}

export async function drop(id: string): Promise<void> {
  if (waiting.kept) await write((store) => store.delete(id));
  waiting.items = waiting.items.filter((one) => one.id !== id);
}

async function deliver(one: Waiting): Promise<void> {
  const base = `/api/sites/${one.site}/install`;
  if (one.photo) await send('POST', `${base}/photos?${new URLSearchParams({ photo_id: one.id, object_id: one.object, taken_at: one.at }).toString()}`, new Blob([one.photo], { type: 'image/jpeg' }));
  else await send('POST', `${base}/entries`, { id: one.id, object_id: one.object, facts: $state.snapshot(one.facts), taken_at: one.at });
}
/** A basement's network often hangs instead of failing. What arrives after all is stored once. */
const within = <T>(work: Promise<T>): Promise<T> => Promise.race([work, new Promise<never>((_, reject) => setTimeout(() => reject(new Problem(0, 'no_network', '')), PATIENCE_MS))]);

/** Send what waits, in its order. Without a network all of it stays and is tried again. */
export async function flush(): Promise<void> {
  if (waiting.sending) return;
  waiting.sending = true;
  clearTimeout(timer);
  try {
    for (const one of waiting.items.filter((item) => !item.refused)) {
      try {
        await within(deliver(one));
      } catch (problem) {
        if (!(problem instanceof Problem)) throw problem;
        if (problem.status === 0 || problem.status >= 500 || [401, 408, 429].includes(problem.status)) break;
        // The server will not have it: it stays here with the reason until somebody has read it.
        one.refused = problem.message;
        if (waiting.kept) await write((store) => store.put($state.snapshot(one)));
        waiting.items = [...waiting.items];
        continue;
      }
      await drop(one.id);
      waiting.sent += 1;
    }
  } finally {
    waiting.sending = false;
    if (waiting.items.some((one) => !one.refused)) timer = window.setTimeout(() => void flush(), AGAIN_MS);
  }
}

/** A photo as it is sent: at most 1,600 pixels a side. Null where the browser cannot read it. */
export async function shrunk(file: Blob): Promise<ArrayBuffer | null> {
  try {
    const picture = await createImageBitmap(file);
    const scale = Math.min(1, 1600 / Math.max(picture.width, picture.height));
    const canvas = document.createElement('canvas');
    canvas.width = Math.max(1, Math.round(picture.width * scale));
    canvas.height = Math.max(1, Math.round(picture.height * scale));
    canvas.getContext('2d')?.drawImage(picture, 0, 0, canvas.width, canvas.height);
    const made = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/jpeg', 0.85));
    return made ? await made.arrayBuffer() : null;
  } catch {
    return null; // no picture: the page says so
  }
}

/** What these pages need without a network is put into the service worker's hands: scripts, words, who I am, and the page's data. */
export async function keepForOffline(paths: string[]): Promise<void> {
  if (!navigator.serviceWorker) return;
  await navigator.serviceWorker.ready;
  if (!navigator.serviceWorker.controller) await new Promise((resolve) => navigator.serviceWorker.addEventListener('controllerchange', resolve, { once: true }));
  const assets = performance.getEntriesByType('resource').map((one) => new URL(one.name)).filter((url) => url.origin === location.origin && url.pathname.startsWith('/assets/')).map((url) => url.pathname);
  await Promise.all([...new Set(assets), '/api/me', ...paths].map((path) => fetch(path).catch(() => null)));
}
