/** What the endpoint answers a request with. */
export interface Answer {
  /** @default 200 */
  readonly status?: number;
  /** @default 'text/plain; charset=utf-8' */
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
}
