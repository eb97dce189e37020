#!/usr/bin/env node
// Before any module of ES is loaded, which starts the threads of Node.js: a file that is received is done when the disk has
// it, and 16 at once are two to three times as fast as 4, where the file system has a journal. Where this has no effect, as
// in Windows, there are 4.
if (process.argv[2] === 'receive') process.env['UV_THREADPOOL_SIZE'] ??= '16';

void import('./main.js');
