import type { Metadata } from './counter.js';

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

/** A virtual machine of this host, as the cloud knows it. */
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
  /** What every counter of this instance carries as `resource_metadata`. Frozen; the same object as long as nothing in it changes. */
  readonly metadata: Metadata;
}
