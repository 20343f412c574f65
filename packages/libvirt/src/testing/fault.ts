import { LibvirtErrorNumber } from '../errors.js';
import type { XdrWriter } from '../xdr/writer.js';

/** Thrown by a handler, it is answered as libvirt answers an error. */
export class Fault extends Error {
  /** A `VIR_ERR_*`. */
  readonly libvirtCode: number;
  /** A `VIR_FROM_*`. */
  readonly libvirtDomain: number;

  constructor(libvirtCode: number, message: string, libvirtDomain = 10) {
    super(message);
    this.libvirtCode = libvirtCode;
    this.libvirtDomain = libvirtDomain;
  }
}

export const noDomain = (name: string): Fault =>
  new Fault(LibvirtErrorNumber.noDomain, `Domain not found: no domain with matching ${name}`);

export const noSupport = (call: string): Fault =>
  new Fault(LibvirtErrorNumber.noSupport, `this function is not supported by the connection driver: ${call}`);

/** Writes a `virNetMessageError`. */
export function writeFault(writer: XdrWriter, fault: Fault): void {
  writer.int32(fault.libvirtCode);
  writer.int32(fault.libvirtDomain);
  writer.optional(fault.message, (message) => writer.string(message));
  writer.int32(2);
  for (let absent = 0; absent < 4; absent += 1) writer.boolean(false);
  writer.int32(0);
  writer.int32(0);
  writer.boolean(false);
}
