/** libvirt's domain states, with the numbers that nova and Ceilometer use too. */
export type PowerState =
  'nostate' | 'running' | 'blocked' | 'paused' | 'shutdown' | 'shutoff' | 'crashed' | 'pmsuspended';

/** The flavor of an instance. Unknown values are undefined. Sizes are in MiB and GiB, as in nova. */
export interface Flavor {
  readonly id?: string | undefined;
  readonly name: string;
  readonly vcpus?: number | undefined;
  readonly memoryMb?: number | undefined;
  readonly diskGb?: number | undefined;
  readonly ephemeralGb?: number | undefined;
  readonly swapMb?: number | undefined;
}

/** Facts that only the cloud's API reports; texts that it does not report are empty. */
export interface CloudFacts {
  /** The name of its host. */
  readonly host: string;
  /** The host's id as shown to the project. */
  readonly hostId: string;
  readonly flavorId: string;
  /** The state in the cloud's terms, such as `active` or `shelved_offloaded`. */
  readonly status: string;
  readonly taskState: string;
  readonly availabilityZone: string;
  readonly reservationId: string;
  readonly kernelId: string;
  readonly ramdiskId: string;
}

/**
 * A virtual machine of this host: facts from the hypervisor or the cloud, from which the agent makes the
 * `resource_metadata` of its counters.
 */
export interface Instance {
  /** The UUID, which is the resource id of its counters. */
  readonly id: string;
  /** The hypervisor's name for it, such as `instance-0000000a`. */
  readonly name: string;
  /** The owner's name for it. */
  readonly displayName: string;
  readonly userId: string | null;
  readonly projectId: string | null;
  readonly flavor: Flavor | undefined;
  readonly state: PowerState;
  /**
   * Identifies the current run, uniquely among all runs of all instances on all hosts. It changes with a restart, a
   * restore or an incoming migration, and is undefined while the instance is shut off.
   */
  readonly run: string | undefined;
  /** The hypervisor's current value, used if no flavor is known. */
  readonly vcpus?: number | undefined;
  readonly memoryMb?: number | undefined;
  readonly imageId?: string | undefined;
  /** When it was created, in the notation of the creator. */
  readonly createdAt?: string | undefined;
  /** Such as `x86_64` and `hvm`. */
  readonly architecture?: string | undefined;
  readonly osType?: string | undefined;
  readonly cloud?: CloudFacts | undefined;
}
