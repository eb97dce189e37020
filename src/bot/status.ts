/** Something of a plugin that failed. */
export interface PluginError {
  /** When it failed. */
  readonly at: Date;
  /** The hook, `schedule`, or the command with its prefix. */
  readonly hook: string;
  /** The user who caused it, if one did. */
  readonly peer: string | undefined;
  /** What was thrown, in words. */
  readonly message: string;
}

/** A job of a plugin. */
export interface JobStatus {
  /** By which it is known. */
  readonly name: string;
  /** Its cron expression. */
  readonly cron: string;
  /** Its time zone; `undefined` for the system's. */
  readonly timeZone: string | undefined;
  /** When it runs next. */
  readonly next: Date | undefined;
  /** The last run of this process. */
  readonly lastRun:
    { readonly due: Date; readonly startedAt: Date; readonly endedAt?: Date; readonly ok?: boolean } | undefined;
  /** Runs in progress. */
  readonly running: number;
}

/** The timers of a plugin. */
export interface TimersStatus {
  /** How many have not run. */
  readonly count: number;
  /** The next ones, at most a hundred. */
  readonly next: readonly { readonly name: string; readonly at: Date }[];
}

/** How the worker thread of a plugin is. */
export interface IsolationStatus {
  /** How often it was restarted, because it blocked, used too much memory, or ended. */
  readonly restarts: number;
  /** Whether it runs; else it is being restarted. */
  readonly running: boolean;
  /** Memory that it used when it was last asked, in MiB: heap and buffers. */
  readonly usedMb: number;
  /** What it may use, in MiB. */
  readonly memoryMb: number;
}

/** `running`: called as usual; `suspended`: not called; `probing`: one call decides. */
export type BreakerState = 'running' | 'suspended' | 'probing';

/** How a plugin is. */
export interface PluginStatus {
  /** Its name. */
  readonly name: string;
  /** Its file, as an absolute path; empty where it comes from none. */
  readonly file: string;
  /** `waiting` for its account to log in, at work, suspended because it failed too often, or stopped. */
  readonly state: BreakerState | 'waiting' | 'stopping' | 'stopped';
  /** When it is tried again, where it is suspended. */
  readonly suspendedUntil: Date | undefined;
  /** The hooks that it has. */
  readonly hooks: readonly string[];
  /** The names of its commands. */
  readonly commands: readonly string[];
  /** Calls of its hooks, commands and jobs so far. */
  readonly calls: number;
  /** Calls in progress. */
  readonly running: number;
  /** Calls that failed so far, but for what the network or a peer did. */
  readonly failures: number;
  /** Calls skipped because it was suspended, or had too many in progress. */
  readonly skipped: number;
  /** The last ten failures. */
  readonly errors: readonly PluginError[];
  /** What it does at fixed times. */
  readonly jobs: readonly JobStatus[];
  /** What it does once, at a time. */
  readonly timers: TimersStatus;
  /** Dialogues in progress. */
  readonly dialogues: number;
  /** `undefined` where it runs in the main thread. */
  readonly isolation?: IsolationStatus | undefined;
}

/** A private connection that is open. */
export interface ChannelStatus {
  /** Who is at the other end. */
  readonly peer: string;
  /** The plugin that has it. */
  readonly bot: string;
  /** Whether the peer asked for it, or the bot. */
  readonly role: 'requester' | 'target';
  /** Since when it is open. */
  readonly openedAt: Date;
  /** Bytes from the peer so far. */
  readonly bytesReceived: number;
  /** Bytes to the peer so far. */
  readonly bytesSent: number;
}

/** How an account is. */
export interface AccountStatus {
  /** Who it is. */
  readonly login: string;
  /** Where it is, or was last, as `tcp://127.0.0.1:7777`: of several addresses, this one. */
  readonly server: string;
  /** `standby` where the login is taken and the account waits for it. */
  readonly state: 'connecting' | 'connected' | 'standby' | 'ended';
  /** Since when it is in this state. */
  readonly since: Date;
  /** Why it is not connected, where that is known. */
  readonly problem: string | undefined;
  /** How its plugins are. */
  readonly plugins: readonly PluginStatus[];
  /** Its private connections that are open. */
  readonly channels: readonly ChannelStatus[];
  /** What all private connections since the start came to, those that are closed included. */
  readonly channelTotals: {
    readonly opened: number;
    readonly bytesReceived: number;
    readonly bytesSent: number;
  };
  /** Messages received, sent, waiting for their turn, and dropped. */
  readonly messages: {
    readonly heard: number;
    readonly sent: number;
    readonly waiting: number;
    readonly dropped: number;
  };
  /** Questions that wait for an answer, or for their turn. */
  readonly questions: number;
  /** Peers that are ignored because they answered every answer. */
  readonly muted: readonly string[];
}

/** How a runtime is. */
export interface RuntimeStatus {
  /** When it was made. */
  readonly startedAt: Date;
  /** How its accounts are. */
  readonly accounts: readonly AccountStatus[];
}
