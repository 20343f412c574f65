/**
 * Limits of a service's answer, ten times and more beyond any real one: a listing of 100,000 projects in one piece, a
 * catalogue of 10,000 endpoints, an image with hundreds of properties.
 */
export const answerLimits = {
  /** Bytes of an answer, and of all that are held at once. */
  bytes: 64 * 1024 * 1024,
  bytesHeld: 128 * 1024 * 1024,
  /** Items of the list in it. */
  items: 200_000,
  /** Of one item. */
  item: { bytes: 256 * 1024, values: 5_000 },
  /** Of all that is in no item. */
  rest: { bytes: 4 * 1024 * 1024, values: 200_000 },
  /** Members of one object. */
  members: 1_000,
  /** Objects and arrays in one another. */
  depth: 64,
  /** Characters of a number. */
  number: 400,
} as const;

/** A refused answer. The message quotes nothing of it. */
export class AnswerRefused extends Error {}
