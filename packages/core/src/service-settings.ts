/** What the operator set for a service of the cloud, in its row of the section `services`. For what is missing the plugin has defaults. */
export interface ServiceSettings {
  /** The exchanges that it publishes notifications on: its `control_exchange`. */
  readonly exchange?: readonly string[] | undefined;
  /** The topics of its notifications, of whichever form. */
  readonly topics?: readonly string[] | undefined;
  /** What it writes as `publisher_id`, `*` for any text. */
  readonly publishers?: readonly string[] | undefined;
  /** Of nova: the only form of notifications that is consumed. */
  readonly format?: 'unversioned' | 'versioned' | undefined;
  /** Which of its endpoints is asked. */
  readonly interface?: 'public' | 'internal' | 'admin' | undefined;
  /** Of swift: what stands before a project's id in the name of its account. */
  readonly resellerPrefix?: string | undefined;
}
