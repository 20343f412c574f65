/**
 * The operator's settings for a service of the cloud, from its row of the section `services`. The plugin has defaults
 * for missing ones.
 */
export interface ServiceSettings {
  /** The exchanges of its notifications: its `control_exchange`. */
  readonly exchange?: readonly string[] | undefined;
  /** The topics of its notifications, in either form. */
  readonly topics?: readonly string[] | undefined;
  /** Its `publisher_id`, `*` for any text. */
  readonly publishers?: readonly string[] | undefined;
  /** For nova: the only form of notifications that is consumed. */
  readonly format?: 'unversioned' | 'versioned' | undefined;
  /** Which of its endpoints is used. */
  readonly interface?: 'public' | 'internal' | 'admin' | undefined;
  /** For swift: the prefix of a project's id in the name of its account. */
  readonly resellerPrefix?: string | undefined;
}
