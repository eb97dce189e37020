import type { ErrorCode } from '../errors.ts';

/** The account that something happened to. */
export interface OfAccount {
  /** The server of the account, as `tcp://127.0.0.1:7777`; with several addresses, all of them, with commas in between. */
  readonly server: string;
  /** The account. */
  readonly login: string;
}

/** An account has logged in, for the first time or again. */
export interface ConnectedEvent extends OfAccount {
  readonly type: 'connected';
  /** The names of its plugins. */
  readonly bots: readonly string[];
  /** Their files, as absolute paths; empty where a plugin comes from none. An older version has not recorded them. */
  readonly files?: readonly string[] | undefined;
}

/** A message has come that the plugins are to hear. */
export interface HeardEvent extends OfAccount {
  readonly type: 'heard';
  /** Counts the messages that the account has heard in this process, from 1. */
  readonly number: number;
  /** Who sent it. */
  readonly from: string;
  /** Whether it was said to the account alone. */
  readonly private: boolean;
  /** What was said. */
  readonly text: string;
}

/** A plugin says something. */
export interface SaidEvent extends OfAccount {
  readonly type: 'said';
  /** The plugin that sends it, if that is known. */
  readonly bot?: string | undefined;
  /** To one. @default to everyone */
  readonly to?: string | undefined;
  /** As the plugin said it: before it is split into messages, and before the flood limits. */
  readonly text: string;
  /** Whom it answers; `undefined` if no user caused it, as in a schedule. */
  readonly cause?: string | undefined;
  /** The number of the message that it answers, where it was one that caused it. */
  readonly answers?: number | undefined;
}

/** A peer asks for a private connection. */
export interface RequestEvent extends OfAccount {
  readonly type: 'request';
  /** Who asks. */
  readonly from: string;
}

/** It is decided whether a peer gets the private connection that it asked for. */
export interface DecidedEvent extends OfAccount {
  readonly type: 'decided';
  /** Who asked. */
  readonly from: string;
  /** Whether the peer gets it. */
  readonly decision: 'accepted' | 'refused';
}

/** A plugin has asked a peer for a private connection, and knows what became of it. */
export interface RequestedEvent extends OfAccount {
  readonly type: 'requested';
  /** Whom it asked. */
  readonly to: string;
  /** `opened`, or the code of the error with which it failed. */
  readonly outcome: 'opened' | ErrorCode;
}

/** A private connection has ended. What it carried is private. */
export interface ClosedEvent extends OfAccount {
  readonly type: 'closed';
  /** Who had the other end. */
  readonly peer: string;
  /** Bytes that came from the peer. */
  readonly bytesReceived: number;
  /** Bytes that went to the peer. */
  readonly bytesSent: number;
}

/** A plugin is replaced by a newer version of itself. */
export interface ReloadedEvent extends OfAccount {
  readonly type: 'reloaded';
  /** The plugin. */
  readonly bot: string;
}

/** The account stops: it hears nothing more but answers to its questions, and what it says now are the last words of its plugins. */
export interface StoppingEvent extends OfAccount {
  readonly type: 'stopping';
}

/** What happens to an account, to be recorded. */
export type RuntimeEvent =
  | ConnectedEvent
  | HeardEvent
  | SaidEvent
  | RequestEvent
  | DecidedEvent
  | RequestedEvent
  | ClosedEvent
  | ReloadedEvent
  | StoppingEvent;

/** Receives what happens, as it happens. It must not throw. */
export type RuntimeObserver = (event: RuntimeEvent) => void;
