/** Files for the bank: made at once for all that waits; what waits on is said with its reason. */
import { send } from '../lib/api';
import { has, number, t, type Key } from '../lib/words.svelte';
import { attempt, say } from './notice.svelte';

interface Failed { code: string; name: string }

export async function makeFiles<One extends Failed>(path: string, again: () => void): Promise<One[]> {
  let failed: One[] = [];
  const done = await attempt(async () => {
    const made = await send<{ files: string[]; failed: One[] }>('POST', path);
    failed = made.failed;
    say(t('files_made', { n: number(made.files.length) }));
  });
  if (done) again();
  return failed;
}

export const whyNot = (one: Failed): string => (has(`problem_${one.code}`) ? t(`problem_${one.code}` as Key, { name: one.name }) : one.code);
