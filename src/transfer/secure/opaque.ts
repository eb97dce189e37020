import type * as Opaque from '@serenity-kit/opaque';

/** What is bound to a code, so that an answer of one private connection is of no use in another one. */
export interface CodeBinding {
  readonly requester: string;
  readonly target: string;
}

/**
 * The record of a code is made for one private connection, and nobody ever gets it: there is nothing that slow hashing
 * would protect.
 */
const NO_STRETCHING = { 'argon2id-custom': { iterations: 1, memory: 8, parallelism: 1 } } as const;
const USER = 'code';

/** Loads the library, which takes some 25 ms: only who uses a code does. */
async function load(): Promise<typeof Opaque> {
  const opaque = await import('@serenity-kit/opaque');
  await opaque.ready;
  return opaque;
}

/** The side that asked: makes its guess, and learns from the answer whether it was right. */
export class CodeGuess {
  readonly #opaque: typeof Opaque;
  readonly #code: string;
  readonly #state: string;
  /** To be sent first. */
  readonly request: Buffer;

  private constructor(opaque: typeof Opaque, code: string) {
    this.#opaque = opaque;
    this.#code = code;
    const { clientLoginState, startLoginRequest } = opaque.client.startLogin({ password: code });
    this.#state = clientLoginState;
    this.request = bytesOf(startLoginRequest);
  }

  static async make(code: string): Promise<CodeGuess> {
    return new CodeGuess(await load(), code);
  }

  /** Returns what is to be sent, and the key; `undefined` where the other side has another code. Throws on garbage. */
  finish(answer: Buffer, binding: CodeBinding): { proof: Buffer; key: Buffer } | undefined {
    const result = this.#opaque.client.finishLogin({
      clientLoginState: this.#state,
      loginResponse: textOf(answer),
      password: this.#code,
      identifiers: identifiers(binding),
      keyStretching: NO_STRETCHING,
    });
    return result && { proof: bytesOf(result.finishLoginRequest), key: bytesOf(result.sessionKey) };
  }
}

/** The side that was asked: answers one guess. */
export class CodeCheck {
  readonly #opaque: typeof Opaque;
  readonly #binding: CodeBinding;
  readonly #state: string;
  /** The answer to the guess. */
  readonly answer: Buffer;

  private constructor(opaque: typeof Opaque, code: string, request: Buffer, binding: CodeBinding) {
    const { client, server } = opaque;
    const serverSetup = server.createSetup();
    const { clientRegistrationState, registrationRequest } = client.startRegistration({ password: code });
    const { registrationResponse } = server.createRegistrationResponse({
      serverSetup,
      userIdentifier: USER,
      registrationRequest,
    });
    const { registrationRecord } = client.finishRegistration({
      password: code,
      registrationResponse,
      clientRegistrationState,
      identifiers: identifiers(binding),
      keyStretching: NO_STRETCHING,
    });
    const { serverLoginState, loginResponse } = server.startLogin({
      serverSetup,
      registrationRecord,
      startLoginRequest: textOf(request),
      userIdentifier: USER,
      identifiers: identifiers(binding),
    });
    this.#opaque = opaque;
    this.#binding = binding;
    this.#state = serverLoginState;
    this.answer = bytesOf(loginResponse);
  }

  /** Throws on garbage. */
  static async make(code: string, request: Buffer, binding: CodeBinding): Promise<CodeCheck> {
    return new CodeCheck(await load(), code, request, binding);
  }

  /** The key, where the guess was right; throws where it was not. */
  finish(proof: Buffer): Buffer {
    const { sessionKey } = this.#opaque.server.finishLogin({
      serverLoginState: this.#state,
      finishLoginRequest: textOf(proof),
      identifiers: identifiers(this.#binding),
    });
    return bytesOf(sessionKey);
  }
}

function identifiers({ requester, target }: CodeBinding): { client: string; server: string } {
  return { client: requester, server: target };
}

function bytesOf(text: string): Buffer {
  return Buffer.from(text, 'base64url');
}

function textOf(bytes: Buffer): string {
  return bytes.toString('base64url');
}
