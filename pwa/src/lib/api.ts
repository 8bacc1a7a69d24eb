import { age } from './freshness.svelte';
import { has, t, type Key } from './words.svelte';

/** A refusal of the server in the person's language. `fields`: the names of the inputs that it concerns. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    detail: string,
    readonly params: Record<string, unknown> = {},
  ) {
    super(has(`problem_${code}`) ? t(`problem_${code}` as Key, params as Record<string, string | number>) : detail);
  }

  get fields(): string[] {
    return Array.isArray(this.params.fields) ? this.params.fields.map(String) : [];
  }
}

/** Called when the server no longer knows who asks. */
export const signedOut: { tell: () => void } = { tell: () => {} };

const csrf = (): string => /(?:^|; )csrftoken=([^;]+)/.exec(document.cookie)?.[1] ?? '';

async function answer<T>(response: Response): Promise<T> {
  if (response.ok) return (response.status === 204 ? null : await response.json()) as T;
  // An error of a proxy between has no document; its status says enough.
  const body = (response.headers.get('content-type') ?? '').includes('json') ? await response.json() : {};
  if (response.status === 401 && body.code === 'not_signed_in') signedOut.tell();
  throw new Problem(response.status, body.code ?? 'internal', body.detail ?? '', body.params ?? {});
}

async function reach(path: string, init?: RequestInit): Promise<Response> {
  try {
    return await fetch(path, init);
  } catch (error) {
    if (error instanceof TypeError) throw new Problem(0, 'no_network', '');
    throw error;
  }
}

export async function get<T>(path: string): Promise<T> {
  const response = await reach(path);
  const data = await answer<T>(response);
  age.keptAt = response.headers.get('X-Stale');
  return data;
}

/** A form with files and a file go as they are, everything else as JSON. */
export async function send<T>(method: 'POST' | 'PATCH' | 'PUT' | 'DELETE', path: string, body: unknown = {}): Promise<T> {
  if (!csrf()) await reach('/health');
  const token = { 'x-csrftoken': csrf() };
  if (method === 'DELETE' && Object.keys(body as object).length === 0) return answer<T>(await reach(path, { method, headers: token }));
  if (body instanceof FormData || body instanceof Blob) return answer<T>(await reach(path, { method, headers: token, body }));
  return answer<T>(await reach(path, { method, headers: { ...token, 'content-type': 'application/json' }, body: JSON.stringify(body) }));
}
