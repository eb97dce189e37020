import { writeFileSync } from 'node:fs';

export interface Plot {
  readonly title: string;
  /** Under the axis, with the unit. */
  readonly x: string;
  readonly y: string;
  /** In order of x, which is drawn to a logarithmic scale; y begins at 0. */
  readonly points: readonly (readonly [x: number, y: number])[];
}

const [WIDTH, HEIGHT] = [560, 300];
const [LEFT, RIGHT, TOP, BOTTOM] = [70, 32, 48, 52];

/** Legible on light and on dark pages: it has a ground of its own. */
const STYLE = `
  text { font: 12px sans-serif; fill: #333; }
  .title { font-size: 14px; font-weight: bold; }
  .ground { fill: #fff; }
  .grid { stroke: #ddd; }
  .curve { stroke: #1565c0; stroke-width: 2; fill: none; }
  .point { fill: #1565c0; }
  @media (prefers-color-scheme: dark) {
    text { fill: #ddd; }
    .ground { fill: #161b22; }
    .grid { stroke: #3a414b; }
    .curve { stroke: #64b5f6; }
    .point { fill: #64b5f6; }
  }
`;

/** Writes a plot as SVG. */
export function writePlot(file: string, { title, x, y, points }: Plot): void {
  const [first, last] = [points[0]![0], points.at(-1)![0]];
  const steps = niceSteps(Math.max(...points.map((point) => point[1])));
  const atX = (value: number): number =>
    LEFT + (Math.log(value / first) / Math.log(last / first)) * (WIDTH - LEFT - RIGHT);
  const atY = (value: number): number => HEIGHT - BOTTOM - (value / steps.at(-1)!) * (HEIGHT - TOP - BOTTOM);
  const places = points.map(([px, py]) => [atX(px).toFixed(1), atY(py).toFixed(1)] as const);
  const lines = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img">`,
    `<title>${title}</title>`,
    `<style>${STYLE}</style>`,
    `<rect class="ground" width="${WIDTH}" height="${HEIGHT}" rx="6"/>`,
    `<text class="title" x="${LEFT}" y="20">${title}</text>`,
    `<text x="${LEFT}" y="38">${y}</text>`,
    ...steps.flatMap((step) => [
      `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${atY(step).toFixed(1)}" y2="${atY(step).toFixed(1)}"/>`,
      `<text text-anchor="end" x="${LEFT - 8}" y="${(atY(step) + 4).toFixed(1)}">${step.toLocaleString('en')}</text>`,
    ]),
    ...points.map(
      ([px]) =>
        `<text text-anchor="middle" x="${atX(px).toFixed(1)}" y="${HEIGHT - BOTTOM + 20}">${px.toLocaleString('en')}</text>`,
    ),
    `<text text-anchor="middle" x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 12}">${x} (log scale)</text>`,
    `<polyline class="curve" points="${places.map((place) => place.join(',')).join(' ')}"/>`,
    ...places.map(([px, py]) => `<circle class="point" r="3.5" cx="${px}" cy="${py}"/>`),
    '</svg>',
    '',
  ];
  writeFileSync(file, lines.join('\n'));
}

/** From 0 to at least `most`, in four to seven steps of 1, 2, 2.5 or 5 times a power of ten. */
function niceSteps(most: number): number[] {
  const power = 10 ** Math.floor(Math.log10(most / 4));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((size) => most / size <= 6)!;
  return Array.from({ length: Math.ceil(most / step) + 1 }, (_, n) => Number((n * step).toPrecision(6)));
}
