/** Draws terminals as an SVG that needs nothing from elsewhere, for light and dark pages. */
import { COLUMNS, textOf, type Line } from './pane.ts';
import type { Shot } from './session.ts';

const FONT_PX = 12;
/** Fonts differ: each line is stretched to the width that it has in this grid. */
const CHARACTER_PX = 7.2;
const LINE_PX = 17;
const TITLE_PX = 26;
const PADDING_PX = 12;
const GAP_PX = 10;

const STYLE = `
    text { font: ${FONT_PX}px ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace; white-space: pre; fill: #1f2328; }
    .window { fill: #f6f8fa; stroke: #d1d9e0; }
    .title, .dim { fill: #59636e; }
    .typed, .bold { font-weight: bold; }
    .coloured { fill: #0969da; }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3; }
      .window { fill: #151b23; stroke: #3d444d; }
      .title, .dim { fill: #9198a1; }
      .coloured { fill: #58a6ff; }
    }`;

/** Draws them, one below the other. */
export function draw(shots: readonly Shot[], title: string): string {
  const width = Math.ceil(COLUMNS * CHARACTER_PX) + 2 * PADDING_PX;
  let y = 0;
  const windows = shots.map((shot) => {
    const height = TITLE_PX + shot.lines.length * LINE_PX + PADDING_PX;
    const drawn = drawWindow(shot, y, width, height);
    y += height + GAP_PX;
    return drawn;
  });
  const height = y - GAP_PX;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
  <title>${escape(title)}</title>
  <style>${STYLE}
  </style>
${windows.join('\n')}
</svg>
`;
}

function drawWindow({ title, lines }: Shot, y: number, width: number, height: number): string {
  const frame = `<rect class="window" x="0.5" y="${y + 0.5}" width="${width - 1}" height="${height - 1}" rx="6"/>`;
  const head = `<text class="title" x="${PADDING_PX}" y="${y + 18}">${escape(title)}</text>`;
  const rows = lines.map((line, row) => drawLine(line, y + TITLE_PX + (row + 1) * LINE_PX - 4));
  return [frame, head, ...rows.filter((row) => row !== '')].map((part) => `  ${part}`).join('\n');
}

function drawLine(line: Line, y: number): string {
  const text = textOf(line);
  if (text.length > COLUMNS) throw new Error(`a line is too long: ${text}`);
  if (text === '') return '';
  const [, typed] = /^\$ (.*)$/.exec(text) ?? [];
  const spans =
    typed === undefined
      ? line.map(drawRun)
      : ['<tspan class="dim">$ </tspan>', `<tspan class="typed">${escape(typed)}</tspan>`];
  const length = (text.length * CHARACTER_PX).toFixed(1);
  return `<text x="${PADDING_PX}" y="${y}" textLength="${length}" xml:space="preserve">${spans.join('')}</text>`;
}

function drawRun({ text, look }: Line[number]): string {
  return look === 'plain' ? escape(text) : `<tspan class="${look}">${escape(text)}</tspan>`;
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
