export const OLD_AFTER_MS = 30_000;

/** Whether values heard at a time are old now (milliseconds). */
export const isOld = (at: number, now: number): boolean => now - at > OLD_AFTER_MS;
