/** Send a decision about a doubtful case once: the same key goes along until it is through. */
import { Problem, send } from './api';

export class Decide {
  key = crypto.randomUUID();

  /** The answer, or the refusal in the person's language. */
  async carryOut<T>(path: string, reason: string, body: Record<string, unknown> = {}): Promise<{ answer: T } | { refused: string }> {
    try {
      const answer = await send<T>('POST', path, { idempotency_key: this.key, reason, ...body });
      this.key = crypto.randomUUID();
      return { answer };
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      // Without an answer nobody knows whether it is through: then the same key asks again.
      if (problem.status !== 0) this.key = crypto.randomUUID();
      return { refused: problem.message };
    }
  }
}

/** Watt hours of an amount of kWh as people type it (12, 12.5, 12,345); null where it cannot be read. No floating point. */
export function whOf(text: string): number | null {
  const found = /^(\d{1,9})(?:[.,](\d{1,3}))?$/.exec(text.replace(/[\s'’\u00a0\u202f]/g, ''));
  return found ? Number(found[1]) * 1000 + Number((found[2] ?? '').padEnd(3, '0')) : null;
}
