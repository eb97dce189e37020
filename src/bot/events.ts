/** What happens to an account, for whoever records it. */
export type RuntimeEvent =
  | {
      readonly type: 'heard';
      /** The account that heard it. */
      readonly login: string;
      readonly from: string;
      readonly text: string;
      readonly private: boolean;
    }
  | {
      readonly type: 'said';
      /** The account that said it. */
      readonly login: string;
      /** To one, or to everyone. */
      readonly to: string | undefined;
      /** As the plugin said it: before it is split into messages. */
      readonly text: string;
      /** Whom it answers; `undefined` where nobody caused it, as in a schedule. */
      readonly cause: string | undefined;
    }
  | {
      readonly type: 'request';
      readonly login: string;
      readonly from: string;
      readonly decision: 'accepted' | 'refused';
    };

/** Receives what happens, as it happens. It must not throw. */
export type RuntimeObserver = (event: RuntimeEvent) => void;
