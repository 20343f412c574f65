import type { MediaType } from './media-type.js';
import { xmlElement } from './xml.js';

/** An error reply in the form of Ceilometer's API. */
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

/** An argument, or a member of the body, with an invalid value. */
export function invalidInput(name: string, value: string, message: string): Fault {
  return badRequest(`Invalid input for field/attribute ${name}. Value: '${shown(value)}'. ${message}`);
}

export function unknownArgument(name: string, message: string): Fault {
  return badRequest(`Unknown argument: "${shown(name)}": ${message}`);
}

export function notFound(message: string): Fault {
  return new Fault(404, message);
}

/** Clients show `faultstring`. */
export function faultBody(status: number, message: string, type: MediaType): string {
  const faultcode = status < 500 ? 'Client' : 'Server';
  if (type === 'application/json')
    return JSON.stringify({ error_message: { faultcode, faultstring: message, debuginfo: null } });
  const details = xmlElement('faultcode', faultcode) + xmlElement('faultstring', message);
  return `<error_message><error>${details}<debuginfo /></error></error_message>`;
}

/** The beginning of a client's text, enough to recognise it. */
export function shown(text: string): string {
  return text.length <= 80 ? text : `${text.slice(0, 80)}…`;
}
