export type { Inspector, LifecycleEvent } from '../inspector.js';
export { defineInspector } from '../plugin.js';
