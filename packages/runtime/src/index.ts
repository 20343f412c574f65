export { clockWatch } from './clock-watch.js';
export type { ClockWatchParts } from './clock-watch.js';
export { defaultConfigPath, readConfig } from './config-file.js';
export type { RawConfig } from './config-file.js';
export { ConfigInvalid } from './config-problems.js';
export type { ConfigProblem } from './config-problem.js';
export { deepFreeze } from './deep-freeze.js';
export { Duty } from './duty.js';
export { createSelected } from './create-selected.js';
export { runToExit } from './daemon.js';
export type { Main } from './daemon.js';
export { component, startAll, stopAll, untilAborted } from './lifecycle.js';
export type { Component } from './lifecycle.js';
export { hideInLogs, sayable } from './log-line.js';
export { createLogger, logLevels } from './logging.js';
export type { LogLevel, RootLogger } from './logging.js';
export { NewestFirst } from './newest-first.js';
export { oversee } from './oversight.js';
export type { Oversight } from './oversight.js';
export { createPluginMetrics } from './plugin-metrics.js';
export type { PluginMetrics } from './plugin-metrics.js';
export { discoverPlugins, namespaces, stabilityLevels } from './plugin-discovery.js';
export type { DeclaredPlugin, Stability } from './plugin-discovery.js';
export { loadPlugin } from './plugin-loading.js';
export { attributeTo, runPluginCode } from './plugin-code.js';
export { cutOff, leftAlone, Pause } from './plugin-pause.js';
export { choosePlugin, createPlugin, selectPlugins } from './plugin-selection.js';
export type { ActivePlugin, InactivePlugin, Selection } from './plugin-selection.js';
export { printable } from './printable.js';
export { endProcess } from './process-guard.js';
export {
  busSection,
  commonSections,
  configure,
  pluginSection,
  sectionsOfFile,
  selectionOptions,
} from './program.js';
export type { Configured, ProgramDefinition, SelectedSection } from './program.js';
export { runBesideBus } from './run-beside-bus.js';
export { longestInterval, schedule } from './schedule.js';
export { withoutSecrets } from './secret-values.js';
export { singleFlight } from './single-flight.js';
export { statusOptions } from './status-server.js';
export type { HealthChecks } from './status-server.js';
export { systemClock } from './system-clock.js';
export { signatureFitsWire, signatureFormOf, wireOptions } from './wire-options.js';
