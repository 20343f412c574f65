/** The build puts the bundle of thread-main.ts here. */
import { runSource } from './run-source.js';

runSource('thread-main.ts');
