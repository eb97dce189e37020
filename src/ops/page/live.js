import { byId, element, fill } from './elements.js';
import { span, visible } from './format.js';
import { Plot } from './plot.js';
import { showBots, showFacts, showFullest, showTroubles } from './sections.js';

const POLL_MS = 2_000;
/** An answer that takes longer is none. */
const TIMEOUT_MS = 5_000;
/** As many as the server keeps. */
const MAX_SAMPLES = 300;

/** @type {Plot[]} */
let plots = [];
/** @type {number[][]} */
let samples = [];
/** Which process answered last: another one begins again. */
let running = '';
/** When the last answer came, by this machine's clock. */
let answeredAt = performance.now();

/** @param {string} path */
async function get(path) {
  const response = await fetch(path, { cache: 'no-store', signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (!response.ok) throw new Error(`${path} was answered with ${response.status}`);
  return response.json();
}

async function refresh() {
  const status = await get('/status');
  const current = `${status.pid} ${status.startedAt}`;
  if (current !== running) samples = [];
  running = current;
  const history = await get(`/history?after=${samples.at(-1)?.[0] ?? 0}`);
  samples = [...samples, ...history.samples].slice(-MAX_SAMPLES);
  answeredAt = performance.now();
  showPlots(history.series);
  showFacts(status);
  byId('server-sections').hidden = !status.server;
  if (status.server) {
    showTroubles(status.server);
    showFullest(status.server);
  }
  showBots(status);
  showState(status);
}

/** @param {import('./plot.js').Series[]} series */
function showPlots(series) {
  const keys = series.map(({ key }) => key).join();
  if (plots.map((plot) => plot.series.key).join() !== keys) {
    plots = series.map((each) => new Plot(each));
    byId('plots').dataset['count'] = String(plots.length);
    byId('plots').replaceChildren(...plots.map((plot) => plot.element));
  }
  plots.forEach((plot, index) =>
    plot.show(samples.map((sample) => ({ atMs: sample[0] ?? 0, value: sample[index + 1] ?? 0 }))),
  );
}

/** @param {Record<string, any>} status */
function showState({ ready, problems, server, accounts }) {
  setState(ready ? 'ready' : 'unready', ready ? 'Ready' : 'Not ready');
  byId('state-age').textContent = '';
  const list = byId('problems');
  list.hidden = problems.length === 0;
  fill(list, problems, () => problems.map((/** @type {string} */ line) => element('li.wrap', visible(line))));
  const title = server ? (accounts.length > 0 ? 'chatosbot: server and bots' : 'chatosbot: server') : 'chatosbot: bots';
  byId('title').textContent = title;
  document.title = `${ready ? '' : '! '}${title}`;
}

/**
 * Says it once where it has changed: a screen reader reads each change aloud.
 *
 * @param {string} state
 * @param {string} words
 */
function setState(state, words) {
  byId('state').dataset['state'] = state;
  document.body.classList.toggle('gone', state === 'gone');
  const place = byId('state-words');
  if (place.textContent !== words) place.textContent = words;
}

function showGone() {
  setState('gone', 'No answer');
  byId('state-age').textContent = `for ${span(performance.now() - answeredAt)}; retrying`;
  document.title = '✕ chatosbot';
}

/** A page that nobody looks at asks for nothing. */
function whenVisible() {
  if (!document.hidden) return Promise.resolve();
  return new Promise((resolve) => document.addEventListener('visibilitychange', resolve, { once: true }));
}

for (;;) {
  await whenVisible();
  await refresh().catch(showGone);
  await new Promise((resolve) => setTimeout(resolve, POLL_MS));
}
