import { isConnectionClosed } from './errors.js';
import { eventDeregister, eventRegister, type EventKind } from './procedures/events.js';
import type { RpcClient } from './rpc/client.js';
import type { CallOptions, Unsubscribe } from './types.js';

/**
 * One kind of event of one connection. It is registered with the daemon once for all listeners, and deregistered with
 * the last one. Events may arrive before the answer to the registration: any is accepted then.
 */
export class EventSource<Event> {
  readonly #rpc: RpcClient;
  readonly #kind: EventKind<Event>;
  readonly #listeners = new Set<(event: Event) => void>();
  #registration: Promise<number> | undefined;
  #callbackId: number | undefined;

  constructor(rpc: RpcClient, kind: EventKind<Event>) {
    this.#rpc = rpc;
    this.#kind = kind;
    rpc.onEvent(kind.procedure, (reader) => {
      const callbackId = reader.int32();
      const event = kind.decode(reader);
      reader.finish();
      // Of an earlier registration that was given up or is being ended.
      if (this.#callbackId !== undefined && this.#callbackId !== callbackId) return;
      // An exception of a listener must not affect the connection.
      for (const listener of this.#listeners) process.nextTick(listener, event);
    });
  }

  async subscribe(handler: (event: Event) => void, options?: CallOptions): Promise<Unsubscribe> {
    // One entry for each subscription, also of the same function.
    const listener = (event: Event): void => handler(event);
    this.#listeners.add(listener);
    const registration = (this.#registration ??= this.#rpc.call(eventRegister, this.#kind.id, options));
    try {
      const callbackId = await registration;
      if (this.#registration === registration) this.#callbackId = callbackId;
    } catch (error) {
      this.#listeners.delete(listener);
      if (this.#registration === registration) this.#registration = undefined;
      throw error;
    }
    return (unsubscribeOptions) => this.#unsubscribe(listener, unsubscribeOptions);
  }

  async #unsubscribe(listener: (event: Event) => void, options?: CallOptions): Promise<void> {
    if (!this.#listeners.delete(listener) || this.#listeners.size > 0 || this.#registration === undefined) return;
    const registration = this.#registration;
    this.#registration = undefined;
    this.#callbackId = undefined;
    try {
      await this.#rpc.call(eventDeregister, await registration, options);
    } catch (error) {
      // A closed connection sends no events.
      if (!isConnectionClosed(error)) throw error;
    }
  }
}
