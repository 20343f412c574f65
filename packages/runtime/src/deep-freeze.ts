// Readings and what a plugin's table holds are trees of a few levels; anything deeper is nobody's to change by mistake.
const deepest = 16;

/** Freezes a value and all that is in it, and gives it back: what several are given is nobody's to change. */
export function deepFreeze<T>(value: T, depth = 0): T {
  if (typeof value !== 'object' || value === null || depth > deepest || ArrayBuffer.isView(value)) return value;
  // Still to be gone through when it is frozen: what is in it need not be.
  if (!Object.isFrozen(value)) Object.freeze(value);
  for (const key in value) {
    const item: unknown = value[key];
    if (typeof item === 'object' && item !== null) deepFreeze(item, depth + 1);
  }
  return value;
}
