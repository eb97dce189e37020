import { isChatosError, messageOf } from '../../errors.ts';

/** What has become of each part. */
export class Report {
  readonly all = {
    applied: [] as string[],
    unchanged: [] as string[],
    needsRestart: [] as string[],
    invalid: [] as { part: string; message: string }[],
  };

  applied(part: string): void {
    this.all.applied.push(part);
  }

  unchanged(part: string): void {
    this.all.unchanged.push(part);
  }

  needsRestart(part: string): void {
    this.all.needsRestart.push(part);
  }

  invalid(part: string, message: string): void {
    this.all.invalid.push({ part, message });
  }

  fails(part: string, error: unknown): void {
    if (!isChatosError(error)) throw error;
    this.invalid(part, messageOf(error));
  }
}
