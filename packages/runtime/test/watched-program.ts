/** It is watched because of a plugin, and has nothing to do. */
import { watchOver } from '../src/watchdog.js';

watchOver('@example/pollster', '/opt/example');
