// The service worker: the shell from the cache, the last known answers of /api where the network is away.
const SHELL = __SHELL__;
const CACHE = 'shell-' + __VERSION__;
const DATA = 'data';
const KEPT = /^\/api\/(me$|home|stations|sessions|usage|bills|badges|c\/|owner\/|operator\/|sites\/[^/]+\/(install|meter-control)$)/;
const PATIENCE_MS = 4000;

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
    if (KEPT.test(url.pathname) && !/\/(pdf|statement|events)$|\/files\//.test(url.pathname)) event.respondWith(networkFirst(event.request));
    return;
  }
  if (/^\/(schema|metrics|health|ready)/.test(url.pathname)) return;
  event.respondWith(
    event.request.mode === 'navigate'
      ? caches.match('/').then((hit) => hit || fetch(event.request))
      : caches.match(event.request).then((hit) => hit || keepOnce(event.request)),
  );
});

// What is loaded on demand (the camera's reader, another language) is kept from then on.
async function keepOnce(request) {
  const answer = await fetch(request);
  if (answer.ok && new URL(request.url).pathname.startsWith('/assets/')) await (await caches.open(CACHE)).put(request, answer.clone());
  return answer;
}

function stale(kept) {
  const headers = new Headers(kept.headers);
  headers.set('X-Stale', headers.get('X-Kept-At') || new Date(0).toISOString());
  return kept.blob().then((body) => new Response(body, { headers }));
}

async function networkFirst(request) {
  const cache = await caches.open(DATA);
  const kept = await cache.match(request);
  const fresh = fetch(request).then(async (answer) => {
    if (answer.ok) {
      const headers = new Headers(answer.headers);
      headers.set('X-Kept-At', new Date().toISOString());
      await cache.put(request, new Response(await answer.clone().blob(), { headers }));
    } else if (answer.status === 401) await caches.delete(DATA);
    return answer;
  });
  if (!kept) return fresh;
  // A garage's network often hangs instead of failing: after a while what we have is better than nothing. The late answer is kept too.
  const patience = new Promise((done) => setTimeout(done, PATIENCE_MS, null));
  const first = await Promise.race([fresh.catch(() => null), patience]);
  return first && first.status < 502 ? first : stale(kept);
}
