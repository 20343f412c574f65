/** Wakes those who wait for something to happen. */
export class Bell {
  #waiting: (() => void)[] = [];

  /** Resolves when it is rung the next time. */
  rings(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  ring(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}
