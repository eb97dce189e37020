import { readFile } from 'node:fs/promises';
import { PACKAGE_FOLDER } from '../../own-files.ts';
import { botFiles, TEMPLATES, type NewFile, type TemplateName } from './templates.ts';

const UNIT = new URL('docs/deploy/chatosbot-bots.service', PACKAGE_FOLDER);

/** With which a project is checked; any TypeScript from 5.4 on would do. */
const DEV_DEPENDENCIES = { '@types/node': '^20.19.43', typescript: '^7.0.2' } as const;

export interface ProjectParts {
  readonly name: string;
  /** The name of its bot. */
  readonly bot: string;
  readonly template: TemplateName;
  /** What npm is to install as `chatosbot`. */
  readonly chatosbot: string;
}

/** The files of a project with one bot. */
export async function projectFiles({ name, bot, template, chatosbot }: ProjectParts): Promise<NewFile[]> {
  const bots = await botFiles(template, bot);
  return [
    { path: 'package.json', text: json(packageOf(name, chatosbot)) },
    { path: 'tsconfig.json', text: json(TSCONFIG) },
    { path: 'chatosbot.config.yaml', text: configOf(bot) },
    ...bots.map((file) => ({ ...file, path: `bots/${file.path}` })),
    { path: 'README.md', text: readmeOf(name, bot, TEMPLATES[template]) },
    { path: '.gitignore', text: `node_modules/\n.chatosbot/\n${CREATED[template] ?? ''}` },
    { path: `deploy/chatosbot-${name}.service`, text: unitOf(name, await readFile(UNIT, 'utf8')) },
  ];
}

/** The folders that bots of some templates make. */
const CREATED: { readonly [T in TemplateName]?: string } = { pipe: '/received/\n' };

const json = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`;

function packageOf(name: string, chatosbot: string): object {
  return {
    name,
    private: true,
    type: 'module',
    engines: { node: '>=20.19' },
    scripts: {
      start: 'chatosbot run',
      dev: 'chatosbot run --watch',
      test: 'chatosbot test',
      check: 'tsc && chatosbot check',
    },
    dependencies: { chatosbot },
    devDependencies: DEV_DEPENDENCIES,
    // What it would build is in the package.
    allowScripts: { 'classic-level': false },
  };
}

const TSCONFIG = {
  compilerOptions: {
    target: 'es2023',
    module: 'nodenext',
    types: ['node'],
    strict: true,
    noUncheckedIndexedAccess: true,
    allowImportingTsExtensions: true,
    verbatimModuleSyntax: true,
    isolatedModules: true,
    skipLibCheck: true,
    noEmit: true,
  },
  include: ['bots'],
};

const configOf = (bot: string): string => `\
# yaml-language-server: $schema=node_modules/chatosbot/docs/config.schema.json
# What each key means: node_modules/chatosbot/docs/configuration.md
server: embedded # or that of others, as tls://chat.example.org:7777?pin=…

bots:
  - ./bots/${bot}.ts
`;

/** The unit of docs/deploying.md, for the folder and the data of this project. */
function unitOf(name: string, unit: string): string {
  return unit
    .replace(/^# .*/, `# ${name}: /etc/systemd/system/chatosbot-${name}.service. See README.md.`)
    .replace('Description=ChatOS bots', `Description=${name}, a bot for ChatOS`)
    .replaceAll('/opt/lunch', `/opt/${name}`)
    .replaceAll(
      /((?:State|Cache|Runtime)Directory=|\/(?:var\/lib|var\/cache|run)\/)chatosbots/g,
      `$1chatosbot-${name}`,
    );
}

const readmeOf = (name: string, bot: string, what: string): string => `\
# ${name}

A bot for ChatOS, made by \`chatosbot new --project\`: ${what}.

\`\`\`sh
npm install
npm test         # the examples of its commands, and bots/*.test.ts
npm start        # the bot, and a server for it on 127.0.0.1:7777
npm run dev      # the same; changed bots are reloaded
npm run check    # types and configuration, without connecting
\`\`\`

While it runs, talk to it from another terminal:

\`\`\`sh
npx chatosbot chat
\`\`\`

\`npx chatosbot repl bots/${bot}.ts\` tries it without a server.

| file                    | what it is                                          |
| ----------------------- | --------------------------------------------------- |
| \`bots/\`                 | bots and their tests                                |
| \`chatosbot.config.yaml\` | which bots run, where, with which options           |
| \`deploy/\`               | a unit for systemd                                  |
| \`.chatosbot/\`           | what bots keep between runs; not for the repository |

The guide is in \`node_modules/chatosbot/docs/guide.md\`, the reference in \`docs/api.md\` beside it.

## On a machine of its own

With Node.js 20.19 or later there, in a copy of this folder:

\`\`\`sh
sudo useradd --system --shell /usr/sbin/nologin chatosbots
sudo cp -rT . /opt/${name}
cd /opt/${name}
sudo npm ci --omit=dev
sudo cp deploy/chatosbot-${name}.service /etc/systemd/system/
sudo systemctl daemon-reload
sudo systemctl enable --now chatosbot-${name}
journalctl -u chatosbot-${name}
\`\`\`

What the bot keeps is in \`/var/lib/chatosbot-${name}\`. \`/opt/${name}/node_modules/.bin/chatosbot status 7781\` shows how it is.
`;
