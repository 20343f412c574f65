// Readings and a plugin's tables are trees of a few levels; deeper values are not changed by mistake.
const deepest = 16;

/** Freezes a value and everything in it, and returns it, so that no plugin can change what others receive. */
export function deepFreeze<T>(value: T, depth = 0): T {
  if (typeof value !== 'object' || value === null || depth > deepest || ArrayBuffer.isView(value)) return value;
  // A frozen object is traversed too, because its contents need not be frozen.
  if (!Object.isFrozen(value)) Object.freeze(value);
  for (const key in value) {
    const item: unknown = value[key];
    if (typeof item === 'object' && item !== null) deepFreeze(item, depth + 1);
  }
  return value;
}
