export { connect } from './connect.js';
export type { ConnectOptions } from './connect.js';
export type { Connection } from './connection.js';
export type { KeepaliveOptions } from './rpc/keepalive.js';
export {
  AbandonedCallError,
  AbortError,
  ArgumentError,
  ConnectError,
  ConnectionClosedError,
  FramingError,
  isAbandonedCall,
  isConnectionClosed,
  isLibvirtClientError,
  isLibvirtError,
  isNoDomain,
  isOperationInvalid,
  isUnsupported,
  KeepaliveError,
  LibvirtClientError,
  LibvirtError,
  LibvirtErrorNumber,
  TimeoutError,
  UnsupportedAuthError,
  UnsupportedTransportError,
  UriError,
  withoutPassword,
} from './errors.js';
export type { LibvirtErrorCode } from './errors.js';
export { DomainState, LifecycleEventType } from './types.js';
export type {
  AllDomainStatsFlags,
  AllDomainStatsQuery,
  CallOptions,
  DeviceEvent,
  Domain,
  DomainBlockInfo,
  DomainBlockStats,
  DomainInfo,
  DomainInterfaceStats,
  DomainMemoryStats,
  DomainStatsRecord,
  LifecycleEvent,
  ListDomainsFilter,
  NodeInfo,
  StatsGroup,
  TypedParams,
  TypedValue,
  Unsubscribe,
} from './types.js';
