import { InMemoryDirectory } from '../../src/server/directory.ts';
import { SlowDirectory } from '../support/directories.ts';
import { describeDirectory } from './directory-contract.ts';

describeDirectory('in memory', () => new InMemoryDirectory());
describeDirectory('that answers later', () => new SlowDirectory());
