export { FakeLibvirtd } from './fake-libvirtd.js';
export type { FakeClient, ReceivedCall } from './fake-client.js';
export type { FakeDomain, Handler } from './fake-domain.js';
export type { ArgsOf, ProcedureName, ResultOf } from './codec.js';
export { Fault } from './fault.js';
export { socketPair } from './socket-pair.js';
