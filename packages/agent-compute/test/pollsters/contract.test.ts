import { pollsterContract } from '@nephoscope/testing';

import cpu from '../../src/pollsters/cpu.js';
import diskDevice from '../../src/pollsters/disk-device.js';
import diskio from '../../src/pollsters/diskio.js';
import instance from '../../src/pollsters/instance.js';
import memory from '../../src/pollsters/memory.js';
import net from '../../src/pollsters/net.js';
import powerState from '../../src/pollsters/power-state.js';

pollsterContract('cpu', cpu);
pollsterContract('disk_device', diskDevice);
pollsterContract('diskio', diskio);
pollsterContract('instance', instance);
pollsterContract('memory', memory);
pollsterContract('net', net);
pollsterContract('power_state', powerState);
