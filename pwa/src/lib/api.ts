import { has, t, type Key } from './words.svelte';

/** A refusal of the server in the person's language. */
export class Problem extends Error {
  constructor(readonly status: number, readonly code: string, detail: string, params: Record<string, string | number>) {
    super(has(`problem_${code}`) ? t(`problem_${code}` as Key, params) : detail);
  }
}

function csrf(): string {
  return /(?:^|; )csrftoken=([^;]+)/.exec(document.cookie)?.[1] ?? '';
}

async function answer<T>(response: Response): Promise<T> {
  if (response.ok) return (response.status === 204 ? null : await response.json()) as T;
  const body = await response.json().catch(() => ({}));
  throw new Problem(response.status, body.code ?? 'internal', body.detail ?? '', body.params ?? {});
}

async function reach(path: string, init?: RequestInit): Promise<Response> {
  try {
    return await fetch(path, init);
  } catch {
    throw new Problem(0, 'no_network', '', {});
  }
}

/** The answer, and since when it is old (null: fresh). */
export async function getWithAge<T>(path: string): Promise<{ data: T; keptAt: string | null }> {
  const response = await reach(path);
  return { data: await answer<T>(response), keptAt: response.headers.get('X-Stale') };
}

export const get = async <T>(path: string): Promise<T> => (await getWithAge<T>(path)).data;

export async function send<T>(method: 'POST' | 'PATCH', path: string, body: unknown = {}): Promise<T> {
  if (!csrf()) await reach('/api/me');
  const headers = { 'content-type': 'application/json', 'x-csrftoken': csrf() };
  return answer<T>(await reach(path, { method, headers, body: JSON.stringify(body) }));
}
