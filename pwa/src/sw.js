// The service worker: the shell from the cache, the last known answers of /api where the network is away.
const SHELL = __SHELL__;
const CACHE = 'shell-' + __VERSION__;
const DATA = 'data';
const KEPT = /^\/api\/(me|home|stations|sessions|usage|bills|badges|c\/|owner\/|operator\/)/;

self.addEventListener('install', (event) => {
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(SHELL)).then(() => self.skipWaiting()));
});
self.addEventListener('activate', (event) => {
  const old = (names) => Promise.all(names.filter((name) => name !== CACHE && name !== DATA).map((name) => caches.delete(name)));
  event.waitUntil(caches.keys().then(old).then(() => self.clients.claim()));
});
self.addEventListener('message', (event) => {
  if (event.data === 'forget') event.waitUntil(caches.delete(DATA));
});
self.addEventListener('fetch', (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== 'GET' || url.origin !== location.origin) return;
  if (url.pathname.startsWith('/api/')) {
    if (KEPT.test(url.pathname) && !url.pathname.endsWith('/pdf')) event.respondWith(networkFirst(event.request));
    return;
  }
  if (/^\/(schema|metrics|health|ready)/.test(url.pathname)) return;
  event.respondWith(
    event.request.mode === 'navigate'
      ? fetch(event.request).catch(() => caches.match('/'))
      : caches.match(event.request).then((hit) => hit || fetch(event.request)),
  );
});

async function networkFirst(request) {
  const cache = await caches.open(DATA);
  try {
    const answer = await fetch(request);
    if (answer.ok) {
      const body = await answer.clone().blob();
      const headers = new Headers(answer.headers);
      headers.set('X-Kept-At', new Date().toISOString());
      await cache.put(request, new Response(body, { headers }));
    } else if (answer.status === 401) await caches.delete(DATA);
    return answer;
  } catch (error) {
    const kept = await cache.match(request);
    if (!kept) throw error;
    const headers = new Headers(kept.headers);
    headers.set('X-Stale', headers.get('X-Kept-At') || '1');
    return new Response(await kept.blob(), { headers });
  }
}
