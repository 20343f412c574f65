import { refusedOption } from '@nephoscope/core/options';
import { z } from 'zod';

const once = (key: string) => refusedOption(`is set once for all plugins: write services.nova.${key}`);

/** There are no options; those of previous versions are refused, because they affected what is metered. */
export const retiredOptions = z.strictObject({
  exchange: once('exchange'),
  publishers: once('publishers'),
  format: once('format, unless it was auto'),
  versionedTopics: once('topics, with those of the unversioned form'),
});
