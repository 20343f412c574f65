/** Does some work soon after it is requested, never twice at a time, and again when it was requested meanwhile. */
export class Refresher {
  readonly #delay: number;
  readonly #work: () => Promise<void>;
  #reject: (error: unknown) => void = () => undefined;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #again = false;
  #stopped = false;

  /** Rejects when the work fails; no more is done then. */
  readonly failed = new Promise<never>((_, reject) => (this.#reject = reject));

  constructor(delay: number, work: () => Promise<void>) {
    this.#delay = delay;
    this.#work = work;
    // Whoever does not look at it is not to end for it.
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

  /** What is being done is done when it resolves. */
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
