/** The columns that identify a series, in the order of `seriesRow`. */
export const seriesColumns = [
  'resource_id',
  'counter_name',
  'source',
  'type',
  'unit',
  'user_id',
  'project_id',
  'epoch',
  'publisher_id',
  'layout',
] as const;
