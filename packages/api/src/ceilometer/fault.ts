/** A reply that is an error, in the form of Ceilometer's API. */
export class Fault extends Error {
  override readonly name = 'Fault';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export function badRequest(message: string): Fault {
  return new Fault(400, message);
}

export function notFound(message: string): Fault {
  return new Fault(404, message);
}

/** Clients show `faultstring`. */
export function faultBody(status: number, message: string): string {
  const fault = { faultcode: status < 500 ? 'Client' : 'Server', faultstring: message, debuginfo: null };
  return JSON.stringify({ error_message: fault });
}
