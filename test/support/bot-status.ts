/** How an account, a plugin and a job are that have done nothing yet. */
import type { AccountStatus, JobStatus, PluginStatus } from '../../src/bot/status.ts';

export const ACCOUNT: AccountStatus = {
  login: 'bot',
  server: 'tcp://127.0.0.1:1',
  state: 'connected',
  since: new Date(),
  problem: undefined,
  plugins: [],
  channels: [],
  channelTotals: { opened: 0, bytesReceived: 0, bytesSent: 0 },
  messages: { heard: 0, sent: 0, waiting: 0, dropped: 0 },
  questions: 0,
  muted: [],
};

export const PLUGIN: PluginStatus = {
  name: 'bot',
  file: '/plugins/bot.ts',
  state: 'running',
  suspendedUntil: undefined,
  hooks: [],
  commands: [],
  calls: 0,
  running: 0,
  failures: 0,
  skipped: 0,
  errors: [],
  jobs: [],
  timers: { count: 0, next: [] },
  dialogues: 0,
};

export const JOB: JobStatus = {
  name: 'job',
  cron: '* * * * *',
  timeZone: undefined,
  next: undefined,
  lastRun: undefined,
  running: 0,
};
