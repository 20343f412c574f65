import { defineNodeMeters } from '../node-metrics.js';

const time = (of: string) =>
  ({ type: 'cumulative', unit: 'ns', description: `CPU time of the host: ${of}` }) as const;
const share = (of: string) =>
  ({ type: 'gauge', unit: 'percent', description: `Share of the host’s CPU time: ${of}` }) as const;

/** By the names of nova's metrics, those of `compute_monitors` of the kind `cpu`. */
export default defineNodeMeters({
  'cpu.frequency': { type: 'gauge', unit: 'MHz', description: 'Clock rate of the host’s CPU' },
  'cpu.user.time': time('user'),
  'cpu.kernel.time': time('kernel'),
  'cpu.idle.time': time('idle'),
  'cpu.iowait.time': time('waiting for input and output'),
  'cpu.user.percent': share('user'),
  'cpu.kernel.percent': share('kernel'),
  'cpu.idle.percent': share('idle'),
  'cpu.iowait.percent': share('waiting for input and output'),
  'cpu.percent': share('all that is not idle'),
});
