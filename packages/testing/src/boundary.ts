import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads';

/** What happens to a request or a reply between program and plugin. */
export type Boundary = <T>(value: T) => T;

/** Within one process. */
export const unchanged: Boundary = (value) => value;

/**
 * Passes a value the way threads and processes send messages, and returns what arrives. A function or a promise in it
 * is a DataCloneError.
 */
export const sent: Boundary = <T>(value: T): T => {
  const { port1, port2 } = new MessageChannel();
  try {
    port1.postMessage(value);
    return (receiveMessageOnPort(port2) as { readonly message: T }).message;
  } finally {
    port1.close();
  }
};
