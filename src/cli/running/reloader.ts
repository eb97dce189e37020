import { isDeepStrictEqual } from 'node:util';
import { ChatosError } from '../../errors.ts';
import type { LoadedConfig } from '../../config/read.ts';
import type { Config } from '../../config/schema.ts';
import { serverOptions } from '../../config/settings.ts';
import { formatAddress, type Address } from '../../net/address.ts';
import { LOOPBACK } from '../../net/networks.ts';
import type { AuditLog } from '../../ops/audit/audit-log.ts';
import type { ReloadReport } from '../../ops/control-commands.ts';
import { UPDATABLE_KEYS, type UpdatableOptions } from '../../server/options.ts';
import type { OperatedServer, Soon } from '../../server/operated-server.ts';
import type { Logger } from '../../util/log.ts';
import type { Announce } from '../terminal/output.ts';
import { accessWarnings } from './access-warnings.ts';
import { Report } from './reload-report.ts';
import { ReloadedListeners } from './reloaded-listeners.ts';
import { serverCertificate, type CertificatePlace } from './server-certificate.ts';

/** What is reloaded, and from where. */
export interface ReloadPlan {
  /** What holds now. */
  readonly loaded: LoadedConfig;
  /** Reads the configuration again, also where a part of it is invalid. */
  readonly load: () => Promise<LoadedConfig>;
  /** The server in this process, if there is one, and whether it is that of bots. */
  readonly server: OperatedServer | undefined;
  readonly isEmbedded: boolean;
  /** Where it listens, by a configuration; `undefined` where options say so. */
  readonly listen: (loaded: LoadedConfig) => readonly Address[];
  readonly certificate: (loaded: LoadedConfig) => CertificatePlace;
  readonly auditFile: (loaded: LoadedConfig) => string | undefined;
  readonly audit: AuditLog | undefined;
  readonly log: Logger;
  readonly announce: Announce;
}

/** The keys of `serve` that are reloaded in other ways than {@link UPDATABLE_KEYS}, which a running server takes. */
const OTHERS = ['listen', 'tls', 'audit'] as const;
/** Keys that are data about the file. */
const META = new Set(['$schema', 'serve']);

/** Reads the configuration again, and applies what can be applied: of each part, all or nothing. */
export class Reloader {
  readonly #plan: ReloadPlan;
  /** What was applied last, of each part. */
  readonly #applied = new Map<string, unknown>();
  readonly #listeners: ReloadedListeners | undefined;
  #current: Promise<unknown> = Promise.resolve();
  readonly #config: Config;
  /** What was read last. */
  #lastConfig: Config;

  private constructor(plan: ReloadPlan, options: UpdatableOptions) {
    this.#plan = plan;
    this.#config = plan.loaded.config;
    this.#lastConfig = this.#config;
    for (const key of UPDATABLE_KEYS) this.#applied.set(key, options[key]);
    const { server, announce } = plan;
    this.#listeners = server && new ReloadedListeners(server, plan.listen(plan.loaded), announce);
  }

  /** What is reloaded, as it was started. */
  static async of(plan: ReloadPlan): Promise<Reloader> {
    return new Reloader(plan, plan.server ? await optionsOf(plan, plan.loaded) : {});
  }

  /** One reload after the other. */
  reload(): Promise<ReloadReport> {
    const next = this.#current.then(() => this.#reload());
    this.#current = next.catch(() => undefined);
    return next;
  }

  async #reload(): Promise<ReloadReport> {
    const { plan, report } = { plan: this.#plan, report: new Report() };
    let loaded: LoadedConfig | undefined;
    try {
      loaded = await plan.load();
      if (loaded.problems?.some(({ path }) => path.length === 0)) throw loaded.problem!;
      const { file } = plan.loaded;
      if (file !== undefined && loaded.file === undefined) {
        throw new ChatosError('INVALID_CONFIG', `${file} is gone, and there is no other configuration`);
      }
      // As a program leaves it that is about to write it: nobody means to lift all rules so.
      if (isEmpty(loaded.config) && !isEmpty(this.#lastConfig)) {
        throw new ChatosError('INVALID_CONFIG', `${loaded.file} is empty: to have the defaults, write serve: {}`);
      }
      this.#lastConfig = loaded.config;
    } catch (error) {
      report.fails('configuration', error);
      loaded = undefined;
    }
    if (plan.server) {
      if (loaded) await this.#updateServer(plan.server, loaded, report);
      await this.#replaceCertificate(plan.server, loaded ?? plan.loaded, report);
      if (loaded) await this.#changeListeners(loaded, report);
    }
    await this.#reopenAudit(loaded, report);
    if (loaded) this.#compare(loaded, report);
    const { applied, invalid } = report.all;
    plan.server?.emit(
      'reloaded',
      applied,
      invalid.map(({ part }) => part),
    );
    this.#say(report.all);
    return report.all;
  }

  async #updateServer(server: OperatedServer, loaded: LoadedConfig, report: Report): Promise<void> {
    const wrong = problemsOf(loaded);
    let options: UpdatableOptions;
    try {
      options = await optionsOf(this.#plan, loaded);
    } catch (error) {
      report.fails('serve.logins', error);
      wrong.set('logins', '');
      options = await optionsOf(this.#plan, {
        ...loaded,
        config: { ...loaded.config, serve: { ...loaded.config.serve, logins: undefined } },
      });
    }
    for (const key of UPDATABLE_KEYS) {
      const text = wrong.get(key);
      if (text !== undefined) {
        if (text !== '') report.invalid(`serve.${key}`, text);
        continue;
      }
      // What keeps people out must not be lost by a key that is misspelt.
      if (loaded.problem && options[key] === undefined && this.#applied.get(key) !== undefined) {
        report.invalid(`serve.${key}`, `it is gone, and the configuration has errors: ${loaded.problem.message}`);
        continue;
      }
      await this.#apply(key, options[key], report, () => server.update({ [key]: options[key] }));
    }
    if (!report.all.applied.includes('serve.logins')) return;
    for (const line of accessWarnings(options, this.#plan.listen(loaded), loaded)) this.#plan.log.warn(line);
  }

  /** Applies a part that is not as it was. */
  async #apply(key: string, value: unknown, report: Report, act: () => Soon<void>): Promise<void> {
    const part = `serve.${key}`;
    if (isDeepStrictEqual(value, this.#applied.get(key))) return report.unchanged(part);
    try {
      await act();
      this.#applied.set(key, value);
      report.applied(part);
    } catch (error) {
      report.fails(part, error);
    }
  }

  /** The files of the certificate may be others, whatever the configuration says. */
  async #replaceCertificate(server: OperatedServer, loaded: LoadedConfig, report: Report): Promise<void> {
    const { announce, certificate, listen, log } = this.#plan;
    const wrong = problemsOf(loaded).get('tls');
    if (wrong !== undefined) return report.invalid('serve.tls', wrong);
    if (![...listen(loaded), ...server.addresses].some(({ transport }) => transport === 'tls')) return;
    try {
      const pair = await serverCertificate(certificate(loaded), log);
      const before = server.addresses.map(formatAddress);
      if (await server.replaceCertificate(pair)) report.applied('serve.tls');
      else report.unchanged('serve.tls');
      // With another key, clients need another pin.
      for (const [index, address] of server.addresses.map(formatAddress).entries()) {
        if (address !== before[index]) announce(`listening on ${address}`, { address });
      }
    } catch (error) {
      report.fails('serve.tls', error);
    }
  }

  async #changeListeners(loaded: LoadedConfig, report: Report): Promise<void> {
    const wrong = problemsOf(loaded).get('listen');
    if (wrong !== undefined) report.invalid('serve.listen', wrong);
    else await this.#listeners?.change(this.#plan.listen(loaded), report);
  }

  /** A rotation of logs renames the file, and sends SIGHUP. */
  async #reopenAudit(loaded: LoadedConfig | undefined, report: Report): Promise<void> {
    const { audit, auditFile, loaded: first } = this.#plan;
    if (loaded && auditFile(loaded) !== auditFile(first)) report.needsRestart('serve.audit');
    if (!audit) return;
    if (await audit.reopen()) report.applied('serve.audit (reopened)');
    else report.invalid('serve.audit', 'it cannot be opened again, as the log says: the old file stays in use');
  }

  /** What else is not as it was when the process started. */
  #compare({ config, problems = [] }: LoadedConfig, report: Report): void {
    const { server } = this.#plan;
    const differ = (now: object, then: object, isMeant: (key: string) => boolean, prefix: string): void => {
      const [one, two] = [now, then] as [Record<string, unknown>, Record<string, unknown>];
      for (const key of new Set([...Object.keys(one), ...Object.keys(two)])) {
        if (!isMeant(key) || isDeepStrictEqual(one[key], two[key])) continue;
        if (!problems.some(({ path }) => [...path].join('.').startsWith(`${prefix}${key}`)))
          report.needsRestart(`${prefix}${key}`);
      }
    };
    const seenTo = new Set<string>([...UPDATABLE_KEYS, ...OTHERS]);
    differ(config, this.#config, (key) => !META.has(key) && (this.#plan.isEmbedded || key === 'state'), '');
    if (server) differ(config.serve ?? {}, this.#config.serve ?? {}, (key) => !seenTo.has(key), 'serve.');
    for (const { path, text } of problems) {
      const [top, key] = path;
      if (top !== 'serve' && this.#plan.isEmbedded) report.invalid(String(top), text);
      else if (top === 'serve' && !seenTo.has(String(key)))
        report.invalid(key === undefined ? 'serve' : `serve.${key}`, text);
    }
  }

  #say({ applied, needsRestart, invalid }: ReloadReport): void {
    const { log } = this.#plan;
    for (const part of applied) log.info('reloaded', { part });
    for (const part of needsRestart) log.warn('not reloaded: it needs a restart', { part });
    for (const { part, message: why } of invalid) log.error('not reloaded: it is invalid', { part, why });
    if (applied.length + needsRestart.length + invalid.length === 0) log.info('reloaded: nothing has changed');
  }
}

/** What the configuration says of what a running server takes. */
async function optionsOf({ isEmbedded }: ReloadPlan, loaded: LoadedConfig): Promise<UpdatableOptions> {
  const options = await serverOptions(loaded);
  // As the embedded server starts.
  return isEmbedded ? { ...options, limits: { exempt: LOOPBACK, ...options.limits } } : options;
}

function isEmpty(config: Config): boolean {
  return Object.keys(config).length === 0;
}

/** The problems of each key of `serve`. */
function problemsOf({ problems = [] }: LoadedConfig): Map<string, string> {
  const texts = new Map<string, string>();
  for (const { path, text } of problems) {
    if (path[0] !== 'serve') continue;
    const key = String(path[1]);
    texts.set(key, texts.has(key) ? `${texts.get(key)!}\n${text}` : text);
  }
  return texts;
}
