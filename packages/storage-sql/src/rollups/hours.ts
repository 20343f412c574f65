/** ns. */
export const hourLength = 3_600_000_000_000n;
export const dayLength = 24n * hourLength;

/** The start of the hour (UTC) that a time is in. */
export function hourOf(time: bigint): bigint {
  return time - (((time % hourLength) + hourLength) % hourLength);
}

/** The number of the day (UTC) that a time is in, since 1970-01-01. */
export function dayOf(time: bigint): bigint {
  return (time - (((time % dayLength) + dayLength) % dayLength)) / dayLength;
}

/** The first full hour at or after a time. */
export function hourAfter(time: bigint): bigint {
  const start = hourOf(time);
  return start === time ? time : start + hourLength;
}
