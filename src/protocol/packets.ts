/** Client → server: proposes a login (RFC 1). */
export interface Login {
  readonly type: 'LOGIN';
  /** The login that is proposed. */
  readonly login: string;
}
/** Server → client: the proposed login is now the session's (RFC 1). */
export interface LoginAccepted {
  readonly type: 'LOGIN_ACCEPTED';
}
/** Server → client: the login is taken or not allowed; another may be proposed (RFC 1, P7). */
export interface LoginRefused {
  readonly type: 'LOGIN_REFUSED';
}
/** Both ways: a message to everyone (RFC 2, P2). */
export interface Message {
  readonly type: 'MESSAGE';
  /** Who says it. */
  readonly login: string;
  /** What is said, at most 1024 bytes of UTF-8. */
  readonly msg: string;
}
/** Both ways: a message to one (RFC 2, P2). */
export interface MessagePrivate {
  readonly type: 'MESSAGE_PRIVATE';
  /** Who says it. */
  readonly loginSender: string;
  /** To whom. */
  readonly loginTarget: string;
  /** What is said, at most 1024 bytes of UTF-8. */
  readonly msg: string;
}
/** Both ways: the requester asks the target for a private connection (RFC 3). */
export interface RequestPrivate {
  readonly type: 'REQUEST_PRIVATE';
  /** Who asks for the connection. */
  readonly loginRequester: string;
  /** Who is asked. */
  readonly loginTarget: string;
}
/** Client → server: the target accepts (RFC 3). */
export interface OkPrivate {
  readonly type: 'OK_PRIVATE';
  /** Who asked for the connection. */
  readonly loginRequester: string;
  /** Who was asked. */
  readonly loginTarget: string;
}
/** Both ways: the target refuses, left, or did not answer in time (RFC 3, P10). */
export interface KoPrivate {
  readonly type: 'KO_PRIVATE';
  /** Who asked for the connection. */
  readonly loginRequester: string;
  /** Who was asked. */
  readonly loginTarget: string;
}
/** Server → client: the id with which both parties open their half (RFC 3, P11). */
export interface IdPrivate {
  readonly type: 'ID_PRIVATE';
  /** Who asked for the connection. */
  readonly loginRequester: string;
  /** Who was asked. */
  readonly loginTarget: string;
  /** The id, the same for both: a secret of the two. */
  readonly connectId: bigint;
}
/** Client → server, first packet of a fresh connection: this is a half of the channel with that id (RFC 4). */
export interface LoginPrivate {
  readonly type: 'LOGIN_PRIVATE';
  /** The id from ID_PRIVATE. */
  readonly connectId: bigint;
}
/** Server → client, on a half: raw bytes from here on (RFC 4). */
export interface Established {
  readonly type: 'ESTABLISHED';
}
/** Client → server: end the channel with that id (RFC 4, P15). */
export interface CloseConnection {
  readonly type: 'CLOSE_CONNECTION';
  /** The id of the channel to end. */
  readonly connectId: bigint;
  /** One of the two parties; either order is valid. */
  readonly loginRequester: string;
  /** The other one. */
  readonly loginTarget: string;
}
/** Server → client: the peer named here asked to end a channel shared with you (RFC 4, P15). */
export interface AcceptCloseConnection {
  readonly type: 'ACCEPT_CLOSE_CONNECTION';
  /** The peer who asked to end it. */
  readonly loginTarget: string;
}

/** Any packet, by its `type`. */
export type Packet =
  | Login
  | LoginAccepted
  | LoginRefused
  | Message
  | MessagePrivate
  | RequestPrivate
  | OkPrivate
  | KoPrivate
  | IdPrivate
  | LoginPrivate
  | Established
  | CloseConnection
  | AcceptCloseConnection;

/** The name of a packet in the RFC. */
export type PacketType = Packet['type'];
/** The packet of a name. */
export type PacketOf<T extends PacketType> = Extract<Packet, { type: T }>;

/** How a field is laid out: `long` is a LONG; the others are STRINGs, each with its own limit. @internal */
export type FieldKind = 'long' | 'proposedLogin' | 'login' | 'message';

/** The layout of each field of a packet. @internal */
export type FieldsOf<P> = {
  readonly [K in Exclude<keyof P, 'type'>]: P[K] extends bigint ? 'long' : Exclude<FieldKind, 'long'>;
};

/** The layout of a packet, and who may send it. */
export interface PacketRow<T extends PacketType = PacketType> {
  /** Its first byte. */
  readonly opcode: number;
  /** Who may send it: a client, the server, or both. */
  readonly from: 'client' | 'server' | 'both';
  /** The fields in wire order. */
  readonly fields: FieldsOf<PacketOf<T>>;
}

const pair = { loginRequester: 'login', loginTarget: 'login' } as const;

/** All packets. A row that is missing, or whose fields differ from its interface, does not compile. */
export const PACKETS: { readonly [T in PacketType]: PacketRow<T> } = {
  LOGIN: { opcode: 0, from: 'client', fields: { login: 'proposedLogin' } },
  LOGIN_ACCEPTED: { opcode: 1, from: 'server', fields: {} },
  LOGIN_REFUSED: { opcode: 2, from: 'server', fields: {} },
  MESSAGE: { opcode: 3, from: 'both', fields: { login: 'login', msg: 'message' } },
  MESSAGE_PRIVATE: {
    opcode: 4,
    from: 'both',
    fields: { loginSender: 'login', loginTarget: 'login', msg: 'message' },
  },
  REQUEST_PRIVATE: { opcode: 5, from: 'both', fields: pair },
  OK_PRIVATE: { opcode: 6, from: 'client', fields: pair },
  KO_PRIVATE: { opcode: 7, from: 'both', fields: pair },
  ID_PRIVATE: { opcode: 8, from: 'server', fields: { ...pair, connectId: 'long' } },
  LOGIN_PRIVATE: { opcode: 9, from: 'client', fields: { connectId: 'long' } },
  ESTABLISHED: { opcode: 10, from: 'server', fields: {} },
  CLOSE_CONNECTION: { opcode: 11, from: 'client', fields: { connectId: 'long', ...pair } },
  ACCEPT_CLOSE_CONNECTION: { opcode: 12, from: 'server', fields: { loginTarget: 'login' } },
};
