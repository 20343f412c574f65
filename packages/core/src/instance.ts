/** libvirt's states of a domain, which nova and Ceilometer number alike. */
export type PowerState =
  'nostate' | 'running' | 'blocked' | 'paused' | 'shutdown' | 'shutoff' | 'crashed' | 'pmsuspended';

/** What an instance was ordered as. What is not known is undefined. Sizes in MiB and GiB, as nova counts. */
export interface Flavor {
  readonly id?: string | undefined;
  readonly name: string;
  readonly vcpus?: number | undefined;
  readonly memoryMb?: number | undefined;
  readonly diskGb?: number | undefined;
  readonly ephemeralGb?: number | undefined;
  readonly swapMb?: number | undefined;
}

/** What only the cloud's API says of an instance; texts that it does not give are empty. */
export interface CloudFacts {
  /** The name of its host. */
  readonly host: string;
  /** The host as its project may know it. */
  readonly hostId: string;
  readonly flavorId: string;
  /** The cloud's word for its state, such as `active` or `shelved_offloaded`. */
  readonly status: string;
  readonly taskState: string;
  readonly availabilityZone: string;
  readonly reservationId: string;
  readonly kernelId: string;
  readonly ramdiskId: string;
}

/**
 * A virtual machine of this host: facts, as the hypervisor or the cloud knows them, of which the agent makes the
 * `resource_metadata` of its counters.
 */
export interface Instance {
  /** The UUID: the resource id of its counters. */
  readonly id: string;
  /** The hypervisor's name for it, such as `instance-0000000a`. */
  readonly name: string;
  /** What its owner calls it. */
  readonly displayName: string;
  readonly userId: string | null;
  readonly projectId: string | null;
  readonly flavor: Flavor | undefined;
  readonly state: PowerState;
  /**
   * Names its present run, unlike any other run of any instance on any host: another value after a restart,
   * restore or arrival by migration; undefined while it is shut off.
   */
  readonly run: string | undefined;
  /** What the hypervisor gives it now, which counts where no flavor says it. */
  readonly vcpus?: number | undefined;
  readonly memoryMb?: number | undefined;
  readonly imageId?: string | undefined;
  /** When it was created, as it was written by whoever created it. */
  readonly createdAt?: string | undefined;
  /** Such as `x86_64` and `hvm`. */
  readonly architecture?: string | undefined;
  readonly osType?: string | undefined;
  readonly cloud?: CloudFacts | undefined;
}
