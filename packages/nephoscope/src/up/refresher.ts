/** Runs some work soon after it is requested, never concurrently, and again if it was requested meanwhile. */
export class Refresher {
  readonly #delay: number;
  readonly #work: () => Promise<void>;
  #reject: (error: unknown) => void = () => undefined;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #again = false;
  #stopped = false;

  /** Rejects when the work fails, which ends the refreshing. */
  readonly failed = new Promise<never>((_, reject) => (this.#reject = reject));

  constructor(delay: number, work: () => Promise<void>) {
    this.#delay = delay;
    this.#work = work;
    // Must not count as an unhandled rejection.
    this.failed.catch(() => undefined);
  }

  request(): void {
    if (this.#stopped || this.#timer !== undefined) return;
    if (this.#running !== undefined) this.#again = true;
    else
      this.#timer = setTimeout(() => {
        this.#running = this.#run();
      }, this.#delay);
  }

  /** Resolves when the current work is finished. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  async #run(): Promise<void> {
    this.#timer = undefined;
    try {
      await this.#work();
    } catch (error) {
      this.#stopped = true;
      this.#reject(error);
    }
    this.#running = undefined;
    if (!this.#again) return;
    this.#again = false;
    this.request();
  }
}
