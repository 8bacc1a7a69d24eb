export const OLD_AFTER_MS = 30_000;

/** Whether values heard at a time are old now (milliseconds). Nothing heard yet is not old: the page has just been loaded. */
export const isOld = (at: number, now: number): boolean => at > 0 && now - at > OLD_AFTER_MS;
