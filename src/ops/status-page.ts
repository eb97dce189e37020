import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { ownFile } from '../own-files.ts';
import type { Answer } from './answer.ts';

/** The modules of the page's script, each behind those that it imports from. */
const SCRIPTS = ['format.js', 'elements.js', 'plot.js', 'sections.js', 'live.js'];

let page: Answer | undefined;

/**
 * The page of the status endpoint: one document with its style and script, which asks for nothing but `/status` and
 * `/history`. Its policy lets in no other script or style, and no markup from a text.
 */
export function statusPage(): Answer {
  return (page ??= build());
}

function build(): Answer {
  const script = SCRIPTS.map((name) => standalone(asset(name))).join('\n');
  const body = asset('page.html')
    .replace('/* style */', () => asset('page.css'))
    .replace('/* script */', () => script);
  const policy = [
    "default-src 'none'",
    "base-uri 'none'",
    "connect-src 'self'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    'img-src data:',
    `script-src ${hashOf(body, 'script')}`,
    `style-src ${hashOf(body, 'style')}`,
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ];
  const headers = {
    'content-security-policy': policy.join('; '),
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
  };
  return { type: 'text/html; charset=utf-8', headers, body };
}

function asset(name: string): string {
  return readFileSync(ownFile(`ops/page/${name}`), 'utf8');
}

/** The modules stand in one script: it is enough that each name is there once. */
function standalone(module: string): string {
  return module.replace(/^import .*;\n/gm, '').replace(/^export /gm, '');
}

/** The hash of the only element with this name. */
function hashOf(html: string, tag: string): string {
  const [, text = ''] = new RegExp(`<${tag}[^>]*>(.*)</${tag}>`, 's').exec(html) ?? [];
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}
