import { Readable } from 'node:stream';

import type { Clock } from '@nephoscope/core';
import type { SampleReader } from '@nephoscope/core/sample-store';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';

import { badRequest } from '../ceilometer/fault.js';
import { exposition, mediaTypes } from './exposition.js';
import type { Format } from './exposition.js';
import { latestSamples } from './latest.js';

/** Series in a reply at most: some 100 MB of it. */
const mostSeries = 200_000;

const texts = z
  .union([z.string(), z.array(z.string())])
  .transform((given) => [given].flat())
  .optional();
const querySchema = z.strictObject({
  meter: texts,
  within: z
    .string()
    .regex(/^\d{1,5}$/)
    .transform(Number)
    .pipe(z.number().min(1).max(86_400))
    .default(1_200),
});

/** `/metrics/samples`: the latest value of each series, for Prometheus to scrape. */
export function prometheusRoutes(server: FastifyInstance, reader: SampleReader, clock: Clock): void {
  server.get('/metrics/samples', async (request, reply) => {
    const { success, data } = querySchema.safeParse(request.query);
    if (!success)
      throw badRequest('the arguments are meter, which may be repeated, and within, 1 to 86400 seconds');
    const gone = new AbortController();
    reply.raw.once('close', () => gone.abort(new Error('the client went away')));
    await reader.start(AbortSignal.any([gone.signal, AbortSignal.timeout(10_000)]));
    const start = clock.now() - BigInt(data.within) * 1_000_000_000n;
    const filter = { scope: request.scope, meters: data.meter, start };
    let series;
    try {
      series = await latestSamples(reader, filter, mostSeries, gone.signal);
    } catch (error) {
      if (error instanceof RangeError)
        throw badRequest(`there are ${error.message}: ask for some meters at a time`);
      throw error;
    }
    const format: Format =
      request.headers.accept?.includes('application/openmetrics-text') === true ? 'openmetrics' : 'text';
    return await reply
      .type(mediaTypes[format])
      .send(Readable.from(exposition(series, format), { objectMode: false, highWaterMark: 65_536 }));
  });
}
