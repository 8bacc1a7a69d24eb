/** What somebody types into a form. It stays where the server refuses; where somebody else has saved first, both states are shown. */
import { tick } from 'svelte';
import { Problem } from '../lib/api';

export type Values = Record<string, string | boolean>;

export class Form {
  values = $state<Values>({});
  /** The refusal as a sentence, and the fields that it is about. */
  refused = $state('');
  bad = $state.raw<string[]>([]);
  /** What stands there now, where somebody else has saved in the meantime. */
  theirs = $state.raw<Record<string, unknown> | null>(null);
  busy = $state(false);
  version = 0;
  #start: Values = {};

  constructor(values: Values, version = 0) {
    this.restart(values, version);
  }

  restart(values: Values, version = 0): void {
    this.values = { ...values };
    this.#start = { ...values };
    this.version = version;
    this.forgive();
  }

  forgive(): void {
    this.refused = '';
    this.bad = [];
    this.theirs = null;
  }

  /** The names of what was typed anew. */
  get changed(): string[] {
    return Object.keys(this.values).filter((name) => this.values[name] !== this.#start[name]);
  }

  /** What stood in the fields before that were typed anew: to take a change back. */
  before(names: string[]): Values {
    return Object.fromEntries(names.map((name) => [name, this.#start[name] ?? '']));
  }

  text(name: string): string {
    return String(this.values[name] ?? '').trim();
  }

  /** The text of a field, or null where it is empty. */
  maybe(name: string): string | null {
    return this.text(name) || null;
  }

  takeTheirs(): void {
    for (const [name, value] of Object.entries(this.theirs ?? {})) {
      if (!(name in this.values)) continue;
      this.values[name] = typeof value === 'boolean' ? value : value === null ? '' : String(value);
    }
    this.#start = { ...this.values };
    this.forgive();
  }

  refuse(sentence: string, ...fields: string[]): void {
    this.refused = sentence;
    this.bad = fields;
    // The first field that is wrong takes the focus, so that a keyboard or a reader is where the work is.
    void tick().then(() => document.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus());
  }

  /** Send once; true where it is through. */
  async submit(work: () => Promise<unknown>): Promise<boolean> {
    if (this.busy) return false;
    this.busy = true;
    this.forgive();
    try {
      await work();
      return true;
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      if (problem.code === 'changed_meanwhile') {
        this.theirs = (problem.params.present as Record<string, unknown> | undefined) ?? {};
        this.version = Number(problem.params.version);
      }
      this.refuse(problem.message, ...problem.fields.map((field) => field.split('.').pop() ?? field).filter((field) => field in this.values));
      return false;
    } finally {
      this.busy = false;
    }
  }
}
