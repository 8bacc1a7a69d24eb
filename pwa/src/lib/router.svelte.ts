/** A small history router: the path is state, links are ordinary links. */
export const place = $state({ path: location.pathname, hash: location.hash });

export function go(path: string, replace = false): void {
  history[replace ? 'replaceState' : 'pushState'](null, '', path);
  place.path = location.pathname;
  place.hash = location.hash;
  scrollTo(0, 0);
}

addEventListener('popstate', () => {
  place.path = location.pathname;
  place.hash = location.hash;
});

document.addEventListener('click', (event) => {
  const link = (event.target as Element | null)?.closest('a');
  if (!link || link.origin !== location.origin || link.hasAttribute('download') || link.target) return;
  if (event.metaKey || event.ctrlKey || event.shiftKey || link.pathname.startsWith('/api/')) return;
  event.preventDefault();
  go(link.pathname + link.search + link.hash);
});
