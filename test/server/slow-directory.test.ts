/** What a server does does not depend on how soon its directory answers: these tests hold with a slow one, too. */
import { SlowDirectory } from '../support/directories.ts';
import { Rig } from '../support/server-rig.ts';

Rig.newDirectory = (loginHoldMs) => new SlowDirectory(loginHoldMs);

await import('./login.test.ts');
await import('./login-holds.test.ts');
await import('./messages.test.ts');
await import('./negotiation.test.ts');
await import('./forbidden.test.ts');
await import('./lifecycle.test.ts');
await import('./channels/closing.test.ts');
await import('./channels/connect-ids.test.ts');
