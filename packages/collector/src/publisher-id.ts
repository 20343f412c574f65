/** Prefix of the publisher id of samples that a collector made of notifications; its host follows. */
export const collectorPrefix = 'collector.';
