/** Runs before each test file. */
import { afterAll } from 'vitest';
import { beginFile, endFile } from './each-file.ts';

beginFile();
afterAll(endFile);
