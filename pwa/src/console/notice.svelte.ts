/** What was done last, said politely, with a way back where there is one. It stays until something else is said or it is closed. */
import { Problem } from '../lib/api';
import { t } from '../lib/words.svelte';

export const notice = $state<{ text: string; bad: boolean; undo: (() => Promise<unknown>) | null }>({ text: '', bad: false, undo: null });

export function say(text: string, undo: (() => Promise<unknown>) | null = null): void {
  notice.text = text;
  notice.bad = false;
  notice.undo = undo;
}

export function silence(): void {
  say('');
}

/** Carry out an act that has no form; its refusal is said. */
export async function attempt(work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    say(problem.message);
    notice.bad = true;
    return false;
  }
}

export async function takeBack(): Promise<void> {
  const undo = notice.undo;
  notice.undo = null;
  if (undo && (await attempt(undo))) say(t('undone'));
}
