/** What the publisher id of samples that a collector made of notifications begins with; its host follows. */
export const collectorPrefix = 'collector.';
