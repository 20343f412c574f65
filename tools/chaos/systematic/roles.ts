import { agent, firstAgent } from './roles/agent.js';
import { collector } from './roles/collector.js';
import { listener } from './roles/listener.js';
import { lockHolder } from './roles/lock-holder.js';
import { sweeper } from './roles/sweeper.js';
import type { Role } from './roles/world.js';

export const roles: readonly Role[] = [agent, collector, listener, lockHolder, sweeper, firstAgent];
