import { byId, element, fill } from './elements.js';
import { amount, grouped, span, visible } from './format.js';

/** A page with more than that is of use to nobody. */
const MOST_BOTS = 100;

/** @typedef {Record<string, any>} Status */

/** @param {number} value */
const bytes = (value) => amount(value, 'bytes').join('\u00a0');

/** @param {string} text */
const name = (text) => element('bdi', visible(text));

/** @param {Status} status */
export function showFacts(status) {
  const { version, node, pid, startedAt, at, server } = status;
  const up = span(Date.parse(at) - Date.parse(startedAt));
  const addresses = server
    ? server.addresses
    : [...new Set(status['accounts'].map((/** @type {any} */ each) => each.server))];
  const facts = [
    [server ? 'Listens on' : 'Server', ...addresses],
    ['Up', up],
    ...(server
      ? [
          ['Connections', grouped(server.connections)],
          ['Accepted', grouped(server.accepted)],
        ]
      : []),
    ...(server?.certificateExpiresAt ? [['Certificate', expiry(server.certificateExpiresAt, at)]] : []),
    ['Version', `${version}, Node.js ${node.replace('v', '')}`],
    ['Process', String(pid)],
  ];
  fill(byId('facts'), facts, () =>
    facts.map(([term = '', ...values]) => {
      const tag = term === 'Listens on' || term === 'Server' ? 'dd.address' : 'dd';
      return element('div', element('dt', term), ...values.map((each) => element(tag, visible(each))));
    }),
  );
}

/**
 * @param {string} end
 * @param {string} at
 */
function expiry(end, at) {
  const left = Date.parse(end) - Date.parse(at);
  if (left <= 0) return '! expired';
  return left < 14 * 86_400_000 ? `! expires in ${span(left)}` : `until ${end.slice(0, 10)}`;
}

/** @param {Status} server */
export function showTroubles({ troubles }) {
  /** @type {any[]} */
  const sorted = troubles.toSorted((/** @type {any} */ one, /** @type {any} */ other) => other.recent - one.recent);
  fill(byId('troubles'), sorted, () => {
    if (sorted.length === 0) return [element('li.empty', 'Nothing was refused, and no limit has acted.')];
    return sorted.map(({ count, recent, what, advice }) => {
      const lately = recent > 0 ? [element('span.recent', `${grouped(recent)} in the last ten minutes. `)] : [];
      return element(
        recent > 0 ? 'li.acting' : 'li',
        element('span.amount', grouped(count)),
        element('span.wrap', what),
        element('span.note', ...lately, advice),
      );
    });
  });
}

/** @param {Status} server */
export function showFullest({ fullest, queuedBytes }) {
  fill(byId('fullest'), [fullest, queuedBytes], () => {
    if (fullest.length === 0) return [element('li.empty', 'Nothing waits for any client.')];
    const most = fullest[0].queuedBytes;
    return fullest.map((/** @type {any} */ each) => {
      const filled = element('div');
      filled.style.width = `${(100 * each.queuedBytes) / most}%`;
      const who = each.login === '' ? element('em', 'not logged in') : name(each.login);
      return element(
        'li',
        element('span.amount', bytes(each.queuedBytes)),
        who,
        element('div.bar', filled),
        element('span.note', `from ${visible(each.remoteAddress)}, silent for ${span(each.idleMs)}`),
      );
    });
  });
}

/** @param {Status} status */
export function showBots(status) {
  /** @type {any[]} */
  const accounts = status['accounts'];
  const bots = accounts.flatMap((account) => account.plugins.map((/** @type {any} */ plugin) => ({ account, plugin })));
  byId('bots-section').hidden = accounts.length === 0;
  fill(byId('bots'), bots, () => [
    ...bots.slice(0, MOST_BOTS).map(({ account, plugin }) => botCard(account, plugin, status['at'])),
    ...(bots.length > MOST_BOTS ? [element('li', `and ${grouped(bots.length - MOST_BOTS)} more, see /status`)] : []),
  ]);
}

/**
 * @param {any} account
 * @param {any} plugin
 * @param {string} at
 */
function botCard(account, plugin, at) {
  const isWell = account.state === 'connected' && plugin.state === 'running';
  const state = account.state === 'connected' ? plugin.state : account.state;
  const { heard, sent, dropped } = account.messages;
  const rare = [
    ['failed', plugin.failures],
    ['skipped', plugin.skipped],
    ['dropped', dropped],
  ].filter(([, value]) => value > 0);
  const numbers = [['calls', plugin.calls], ['heard', heard], ['sent', sent], ...rare];
  const error = plugin.errors.at(-1);
  const job = plugin.jobs.find((/** @type {any} */ each) => each.next);
  return element(
    'li',
    element(
      'div.head',
      element('h3', name(plugin.name)),
      element(isWell ? 'span.word' : 'span.word.bad', `${isWell ? '✓' : '!'} ${state}`),
    ),
    element('p.note', 'as ', name(account.login), ` on ${visible(account.server)}`),
    element(
      'dl.numbers',
      ...numbers.map(([term, value]) => element('div', element('dt', term), element('dd', grouped(value)))),
    ),
    ...(account.problem === undefined || account.state === 'connected'
      ? []
      : [element('p.note.bad', visible(account.problem))]),
    ...(job ? [element('p.note', name(job.name), ` runs in ${span(Date.parse(job.next) - Date.parse(at))}`)] : []),
    ...(error
      ? [
          element(
            'p.note.bad.error',
            `failed ${span(Date.parse(at) - Date.parse(error.at))} ago in ${error.hook}: `,
            name(error.message),
          ),
        ]
      : []),
  );
}
