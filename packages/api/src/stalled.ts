import type { Logger } from '@nephoscope/core';
import type { FastifyInstance } from 'fastify';

/**
 * Ends the connections of clients that take nothing of their reply for `ms`: what a reply is made from is held until it is taken. A client
 * that is slow, or waits for an answer that is being made, is let be.
 */
export function endStalled(server: FastifyInstance, ms: number, logger: Logger): void {
  server.addHook('onRequest', async ({ raw: { socket }, url }, { raw: response }) => {
    // The timer of the socket begins anew whenever some of it was taken.
    response.setTimeout(ms, () => {
      if (response.writableLength === 0) return;
      logger.warn({ url: url.slice(0, 1_000) }, 'a client took nothing of its reply for too long, and was ended');
      socket.destroy();
    });
  });
}
