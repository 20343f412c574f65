/** Whether a component works now, and the reason for operators if it does not. */
export type Health =
  | { readonly ok: true }
  | {
      readonly ok: false;
      readonly reason: string;
      /** Time of the first failure, ISO 8601 UTC, if known. */
      readonly since?: string | undefined;
      /** Set if no outage explains the state: the program itself has made no progress for longer than allowed. */
      readonly isStuck?: boolean | undefined;
    };
