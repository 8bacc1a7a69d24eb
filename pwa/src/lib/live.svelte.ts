/** Live data: server-sent events, and how old they are. */
import { isOld } from './age';

type Handlers = Partial<Record<'session' | 'request' | 'connector', (data: never) => void>>;

export class Live {
  heardAt = $state(Date.now());
  now = $state(Date.now());
  #source: EventSource | null = null;
  #timer = 0;

  get old(): boolean {
    return isOld(this.heardAt, this.now);
  }

  open(path: string, handlers: Handlers): () => void {
    const source = new EventSource(path);
    this.#source = source;
    for (const [name, handle] of Object.entries(handlers))
      source.addEventListener(name, (event) => {
        this.heardAt = Date.now();
        (handle as (data: unknown) => void)(JSON.parse((event as MessageEvent<string>).data));
      });
    source.addEventListener('ping', () => (this.heardAt = Date.now()));
    this.#timer = window.setInterval(() => (this.now = Date.now()), 1000);
    return () => {
      this.#source?.close();
      clearInterval(this.#timer);
    };
  }
}
