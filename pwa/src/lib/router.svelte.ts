/** A small history router: the path is state, links are ordinary links. */
export const place = $state({ path: location.pathname, search: location.search, hash: location.hash });

function read(): void {
  place.path = location.pathname;
  place.search = location.search;
  place.hash = location.hash;
}

export function go(path: string, replace = false): void {
  const before = location.pathname;
  history[replace ? 'replaceState' : 'pushState'](null, '', path);
  read();
  if (location.pathname !== before) scrollTo(0, 0);
}

addEventListener('popstate', read);

document.addEventListener('click', (event) => {
  const link = (event.target as Element | null)?.closest('a');
  if (!link || link.origin !== location.origin || link.hasAttribute('download') || link.target) return;
  if (event.defaultPrevented || event.metaKey || event.ctrlKey || event.shiftKey || link.pathname.startsWith('/api/')) return;
  if (link.hash && link.pathname === location.pathname) return;
  event.preventDefault();
  go(link.pathname + link.search + link.hash);
});
