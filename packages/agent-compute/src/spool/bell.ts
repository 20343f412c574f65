/** Wakes all callers that wait for an event. */
export class Bell {
  #waiting: (() => void)[] = [];

  /** Resolves when it is rung next. */
  rings(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  ring(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}
