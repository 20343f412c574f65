/** The build puts the bundle of reader-main.ts here. */
import { runSource } from '../run-source.js';

runSource('reading/reader-main.ts');
