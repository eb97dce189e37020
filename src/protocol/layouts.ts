import { MAX_LOGIN_BYTES, MAX_MESSAGE_BYTES, MAX_PROPOSED_LOGIN_BYTES } from './limits.ts';
import { PACKETS, type FieldKind, type PacketRow, type PacketType } from './packets.ts';

/** A packet after its opcode, with its fields in wire order. */
export interface Layout {
  readonly type: PacketType;
  readonly fields: readonly { readonly name: string; readonly kind: FieldKind }[];
}

/** {@link PACKETS} by opcode, for encoder and decoder. */
export const LAYOUTS: Layout[] = [];
for (const [type, { opcode, fields }] of Object.entries(PACKETS) as [PacketType, PacketRow][]) {
  LAYOUTS[opcode] = { type, fields: Object.entries(fields).map(([name, kind]) => ({ name, kind: kind as FieldKind })) };
}

/** The most bytes a STRING field of each kind may announce when received (P3, P6). */
export const MAX_FIELD_BYTES = {
  proposedLogin: MAX_PROPOSED_LOGIN_BYTES,
  login: MAX_LOGIN_BYTES,
  message: MAX_MESSAGE_BYTES,
} as const satisfies Record<Exclude<FieldKind, 'long'>, number>;
