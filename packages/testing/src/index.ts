export { messageBusContract } from './message-bus-contract.js';
export type { MessageBusContract } from './message-bus-contract.js';
export { exampleSample, sampleStoreContract } from './sample-store-contract.js';
export type { SampleStoreContract } from './sample-store-contract.js';
