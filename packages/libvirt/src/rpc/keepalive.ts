import { ArgumentError } from '../errors.js';
import { checkTimeout } from './timeout.js';

/** How a dead peer is found out, with libvirt's own defaults. */
export interface KeepaliveOptions {
  /** Milliseconds of silence until a request is sent. Default 5,000. */
  readonly interval?: number;
  /** How many requests may stay unanswered until the peer counts as dead. Default 5. */
  readonly count?: number;
}

/** @throws ArgumentError */
export function checkKeepalive({ interval, count }: KeepaliveOptions): void {
  if (interval !== undefined) checkTimeout(interval);
  if (count !== undefined && !(count >= 1))
    throw new ArgumentError(`${count} keepalive requests; at least 1 is needed`);
}

/**
 * Sends keepalive requests to a silent peer. Any received frame counts as an answer, so no timer fires while frames
 * arrive.
 */
export class Keepalive {
  readonly interval: number;
  readonly count: number;
  readonly #timer: NodeJS.Timeout;
  #unanswered = 0;

  constructor(options: KeepaliveOptions, ping: () => void, dead: () => void) {
    this.interval = options.interval ?? 5_000;
    this.count = options.count ?? 5;
    this.#timer = setInterval(() => {
      if (this.#unanswered >= this.count) {
        this.stop();
        dead();
        return;
      }
      this.#unanswered += 1;
      ping();
    }, this.interval);
    this.#timer.unref();
  }

  heard(): void {
    this.#unanswered = 0;
    this.#timer.refresh();
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
