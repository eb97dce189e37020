import { drawing, element } from './elements.js';
import { amount, span } from './format.js';

/** The plots' own units; CSS gives them their size. */
const WIDTH = 300;
const HEIGHT = 56;
const SPAN_MS = 600_000;

/** @typedef {{ key: string, title: string, unit: string, per: string }} Series */
/** @typedef {{ atMs: number, value: number }} Point */

/** A number, its unit and its course over ten minutes; the pointer, or the arrow keys, read it at a time. */
export class Plot {
  /** @type {readonly Point[]} */
  #points = [];
  /** @type {number | undefined} */
  #reading;
  #number = element('span');
  #unit = element('small');
  #most = element('span');
  #area = drawing('path', { class: 'area' });
  #curve = drawing('path', { class: 'curve' });
  #cursor = drawing('line', { class: 'cursor', y1: 0, y2: HEIGHT, visibility: 'hidden' });
  #image = drawing(
    'svg',
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img', tabindex: 0 },
    drawing('line', { class: 'ground', x1: 0, x2: WIDTH, y1: HEIGHT, y2: HEIGHT }),
    this.#area,
    this.#curve,
    this.#cursor,
  );

  /** @param {Series} series */
  constructor(series) {
    this.series = series;
    const caption = element('figcaption', element('span', series.title), this.#most);
    this.element = element('figure.plot', caption, element('p.now', this.#number, this.#unit), this.#image);
    this.element.dataset['key'] = series.key;
    this.#image.addEventListener('pointermove', (event) => {
      const { left, width } = this.#image.getBoundingClientRect();
      this.#readAt(this.#end - SPAN_MS * (1 - (event.clientX - left) / width));
    });
    this.#image.addEventListener('pointerleave', () => this.#read(undefined));
    this.#image.addEventListener('blur', () => this.#read(undefined));
    this.#image.addEventListener('keydown', (event) => this.#onKey(event));
  }

  /** @param {readonly Point[]} points the oldest first */
  show(points) {
    this.#points = points;
    const most = Math.max(0, ...points.map(({ value }) => value));
    const top = most === 0 ? 1 : most * 1.05;
    const end = this.#end;
    const at = points.map(({ atMs, value }) => {
      const x = Math.max(WIDTH * (1 - (end - atMs) / SPAN_MS), 0);
      return `${x.toFixed(1)} ${(HEIGHT * (1 - value / top)).toFixed(1)}`;
    });
    const line = at.join('L');
    const first = at[0]?.split(' ')[0];
    this.#curve.setAttribute('d', line && `M${line}`);
    this.#area.setAttribute('d', line && `M${first} ${HEIGHT}L${line}L${WIDTH} ${HEIGHT}Z`);
    this.#most.textContent = `max ${this.#words(most)}`;
    this.#read(this.#reading);
  }

  get #end() {
    return this.#points.at(-1)?.atMs ?? 0;
  }

  /** @param {number} value */
  #words(value) {
    const { unit, per } = this.series;
    const [number, unitWords] = amount(value, unit, per);
    return unitWords.startsWith('/') ? number + unitWords : `${number} ${unitWords}`.trim();
  }

  /** @param {number} atMs */
  #readAt(atMs) {
    const nearest = this.#points.reduce(
      (best, { atMs: each }, index) =>
        Math.abs(each - atMs) < Math.abs((this.#points[best]?.atMs ?? 0) - atMs) ? index : best,
      0,
    );
    this.#read(this.#points[nearest]?.atMs);
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    const last = this.#points.length - 1;
    const now = this.#points.findIndex(({ atMs }) => atMs === this.#reading);
    const index = now === -1 ? last : now;
    /** @type {Record<string, number>} */
    const next = {
      ArrowLeft: index - 1,
      ArrowRight: index + 1,
      PageUp: index - 30,
      PageDown: index + 30,
      Home: 0,
      End: last,
    };
    const to = next[event.key];
    if (event.key === 'Escape') this.#read(undefined);
    if (to === undefined) return;
    event.preventDefault();
    this.#read(this.#points[Math.min(Math.max(to, 0), last)]?.atMs);
  }

  /** @param {number | undefined} atMs a time that has a point; the latest where there is none */
  #read(atMs) {
    const read = this.#points.find((point) => point.atMs === atMs);
    this.#reading = read?.atMs;
    const point = read ?? this.#points.at(-1);
    const { title, unit, per } = this.series;
    const [number, unitWords] = point ? amount(point.value, unit, per) : ['–', ''];
    const ago = read ? `${span(this.#end - read.atMs)} ago` : '';
    this.#number.textContent = number;
    this.#unit.textContent = [unitWords, ago].filter(Boolean).join(' · ');
    const x = String(read ? WIDTH * (1 - (this.#end - read.atMs) / SPAN_MS) : 0);
    this.#cursor.setAttribute('x1', x);
    this.#cursor.setAttribute('x2', x);
    this.#cursor.setAttribute('visibility', read ? 'visible' : 'hidden');
    const value = point ? this.#words(point.value) : 'no value yet';
    const label = `${title}: ${value}${ago && `, ${ago}`}; ${this.#most.textContent} in ten minutes`;
    this.#image.setAttribute('aria-label', label);
  }
}
