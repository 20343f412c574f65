import { z } from 'zod';

/**
 * A removed option without effect. A configuration that contains it is accepted with a warning; the reference does
 * not list it.
 *
 * @param advice why it was removed and what to do, printed after the option's path: `RabbitMQ's messages are taken
 *   100 at a time; remove the key`
 */
export const ignoredOption = (advice: string) =>
  z.unknown().optional().meta({ retired: advice, deprecated: true });

/**
 * A removed option that affected what is metered and has a replacement. Ignoring it would bill other samples, so a
 * configuration that contains it is refused.
 *
 * @param advice what to write instead, printed after the option's path
 */
export const refusedOption = (advice: string) =>
  z.never({ error: advice }).optional().meta({ retired: advice, deprecated: true });
