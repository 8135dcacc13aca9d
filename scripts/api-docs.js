/**
 * Writes docs/api.md, the reference of the library, from the declarations and docstrings that the build has put into dist:
 * `npm run docs`. With --check nothing is written, and the exit code says whether the file is up to date.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Extractor, ExtractorConfig } from '@microsoft/api-extractor';

const root = resolve(fileURLToPath(new URL('..', import.meta.url)));
const target = join(root, 'docs', 'api.md');

/** What the entry point exports, as API Extractor's model describes it. */
function readModel() {
  const folder = mkdtempSync(join(tmpdir(), 'hneurons-docs-'));
  const apiJsonFilePath = join(folder, 'hneurons.api.json');
  const silent = { default: { logLevel: 'none' } };
  try {
    const config = ExtractorConfig.prepare({
      configObject: {
        projectFolder: root,
        mainEntryPointFilePath: '<projectFolder>/dist/src/index.d.ts',
        compiler: {
          overrideTsconfig: {
            compilerOptions: {
              ...{ target: 'es2022', lib: ['es2023'], module: 'nodenext', moduleResolution: 'nodenext' },
              ...{ types: ['node'], skipLibCheck: true, strict: true },
            },
            include: ['dist/src/index.d.ts'],
          },
        },
        apiReport: { enabled: false },
        docModel: { enabled: true, apiJsonFilePath },
        dtsRollup: { enabled: false },
        tsdocMetadata: { enabled: false },
        messages: {
          compilerMessageReporting: silent,
          extractorMessageReporting: silent,
          tsdocMessageReporting: silent,
        },
      },
      configObjectFullPath: undefined,
      packageJsonFullPath: join(root, 'package.json'),
    });
    // It names its version on the console whatever it is told.
    const { log } = console;
    console.log = () => {};
    const { succeeded } = Extractor.invoke(config, { localBuild: true, messageCallback: quiet });
    console.log = log;
    if (!succeeded) throw new Error('the declarations in dist cannot be read; build first');
    return JSON.parse(readFileSync(apiJsonFilePath, 'utf8')).members[0].members;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function quiet(message) {
  message.handled = true;
}

/** A docstring without its frame: text, and what its tags say. */
function readComment(raw = '') {
  const text = raw
    .replace(/^\/\*\*|\*\/\s*$/g, '')
    .split('\n')
    .map((line) => line.replace(/^\s*\* ?/, '').trimEnd())
    .join('\n')
    .trim()
    .replace(/\{@link\s+([^}|]+?)\s*(?:\|[^}]*)?\}/g, '`$1`');
  const [main, ...tags] = text.split(/^@(?=\w)/m);
  return {
    main: main.trim(),
    tags: tags.map((tag) => {
      const [, name, rest] = /^(\w+)\s*([\s\S]*)$/.exec(tag);
      const words = rest.trim().replace(/\s+/g, ' ');
      if (name !== 'param') return `${name === 'throws' ? 'Throws' : 'Returns'}: ${words}`;
      // The dash is the extractor's own; it stands in front of names with a dot.
      const [, parameter, what] = /^(?:-\s*)?(\S+)\s*(?:-\s*)?(.*)$/.exec(words);
      return `\`${parameter}\`: ${what}`;
    }),
  };
}

const signature = ({ excerptTokens }) =>
  excerptTokens
    .map(({ text }) => text)
    .join('')
    .replace(/^export (?:declare )?/, '')
    .trim();

function describe(comment) {
  const { main, tags } = readComment(comment);
  return [main, tags.map((tag) => `- ${tag}`).join('\n')].filter((part) => part !== '').join('\n\n');
}

/** A property or method, as an item of a list. */
function renderMember(member) {
  const { main, tags } = readComment(member.docComment);
  const code = main.includes('```');
  const flat = code ? main : main.replace(/\s+/g, ' ');
  const text = [flat, ...tags].filter((part) => part !== '').join(code ? '\n\n' : ' ');
  const line = signature(member).replace(/;$/, '').replace(/\s+/g, ' ');
  return `- \`${line}\`${text ? `  \n  ${text.replaceAll('\n', '\n  ')}` : ''}`;
}

function render(item) {
  const shell = `### ${item.name}\n\n`;
  const head = `\`\`\`ts\n${signature(item)}\n\`\`\`\n`;
  const text = describe(item.docComment);
  const members = (item.members ?? [])
    .filter(({ kind }) => kind !== 'Constructor')
    .map(renderMember)
    .join('\n');
  return `${shell}${head}${text ? `\n${text}\n` : ''}${members ? `\n${members}\n` : ''}`;
}

const SECTIONS = [
  ['Classes', 'Class'],
  ['Functions', 'Function'],
  ['Types', 'Interface', 'TypeAlias'],
];

const items = readModel();
const page = [
  '# Reference of the library\n',
  'Made from the docstrings by `npm run docs`. Where to begin: [library.md](library.md).\n',
  ...SECTIONS.flatMap(([title, ...kinds]) => [
    `## ${title}\n`,
    ...items.filter(({ kind }) => kinds.includes(kind)).map(render),
  ]),
].join('\n');

if (process.argv.includes('--check')) {
  if (readFileSync(target, 'utf8') !== page) {
    console.error('docs/api.md is not up to date: npm run docs');
    process.exit(1);
  }
} else writeFileSync(target, page);
