/** Live data: one stream of server-sent events for the whole app, and how old what it said is. */
import { isOld } from './age';
import { running } from './sentences';
import type { Place, Request, Session } from './types';

const AGAIN_MS = 3000;

export class Live {
  heardAt = $state(0);
  now = $state(Date.now());
  /** Counts the openings: after each one, what was missed is to be read again. */
  opened = $state(0);
  sessions = $state.raw<Record<string, Session>>({});
  request = $state.raw<Request | null>(null);
  place = $state.raw<Place | null>(null);
  #source: EventSource | null = null;
  #code: string | null = null;
  #timer = 0;
  #again = 0;

  constructor() {
    document.addEventListener('visibilitychange', () => this.#wake());
    addEventListener('online', () => this.#wake());
  }

  get old(): boolean {
    return this.#source !== null && isOld(this.heardAt, this.now);
  }

  get running(): Session[] {
    return Object.values(this.sessions).filter(running);
  }

  /** Follow this person's charges, and a place where one is being looked at. */
  follow(code: string | null): void {
    if (this.#source && this.#code === code) return;
    this.#code = code;
    this.#open();
  }

  close(): void {
    this.#source?.close();
    this.#source = null;
    clearInterval(this.#timer);
    clearTimeout(this.#again);
    this.heardAt = 0;
    this.sessions = {};
    this.request = this.place = null;
  }

  #wake(): void {
    this.now = Date.now();
    if (document.visibilityState === 'visible' && this.#source && (this.old || this.#source.readyState !== EventSource.OPEN)) this.#open();
  }

  #open(): void {
    this.#source?.close();
    clearInterval(this.#timer);
    clearTimeout(this.#again);
    const source = new EventSource(this.#code ? `/api/events?code=${encodeURIComponent(this.#code)}` : '/api/events');
    this.#source = source;
    source.onopen = () => {
      this.sessions = {};
      this.opened += 1;
      this.heardAt = Date.now();
    };
    // A refused stream is closed by the browser for good; a broken one it opens again itself.
    source.onerror = () => {
      if (source.readyState === EventSource.CLOSED && this.#source === source) this.#again = window.setTimeout(() => this.#open(), AGAIN_MS);
    };
    const hear = <T>(name: string, take: (data: T) => void): void =>
      source.addEventListener(name, (event) => {
        this.heardAt = Date.now();
        take(JSON.parse(event.data) as T);
      });
    hear<Session>('session', (session) => (this.sessions = { ...this.sessions, [session.id]: session }));
    hear<Request>('request', (request) => (this.request = request));
    hear<Place>('connector', (place) => (this.place = place));
    hear('ping', () => {});
    this.#timer = window.setInterval(() => (this.now = Date.now()), 1000);
  }
}

export const live = new Live();
