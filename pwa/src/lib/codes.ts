/** The public code in what a camera read: only from an address of this installation, never from another's. */
export function codeIn(text: string, origin: string): string | null {
  if (!URL.canParse(text)) return null;
  const url = new URL(text);
  return url.origin === origin ? (/^\/c\/([A-Za-z0-9]{4,12})$/.exec(url.pathname)?.[1]?.toUpperCase() ?? null) : null;
}
