// A client that AT Protocol's own tools make of lexicons/: @atproto/lex-cli writes the client, TypeScript checks and
// compiles it, and @atproto/xrpc sends its requests and validates every answer. Each run makes the client anew and
// keeps nothing of it.
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Cut, readLexicons } from './service.mjs';

const require = createRequire(import.meta.url);
const run = promisify(execFile);
const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));
const namespace = 'blue.catbird.mls';
// Errors of the protocol, which any method may answer with; every other error is declared by the method's lexicon.
const protocolErrors = new Set([
  'InvalidRequest',
  'AuthenticationRequired',
  'RateLimitExceeded',
  'MethodNotImplemented',
  'InternalServerError',
]);

/** Generates, type-checks, compiles and loads the client. @returns what its index exports */
export async function generateClient() {
  const lexicons = path('../../../../lexicons/blue/catbird/mls/');
  // The folder is inside node_modules, so that the client's imports are found and git ignores the folder.
  const folder = await mkdtemp(path('../node_modules/.generated-'));
  try {
    const files = (await readdir(lexicons))
      .filter((name) => name.endsWith('.json'))
      .map((name) => `${lexicons}${name}`);
    await run(process.execPath, [
      path('../node_modules/@atproto/lex-cli/dist/index.js'),
      'gen-api',
      '--yes',
      `${folder}/source`,
      ...files,
    ]);
    await writeFile(`${folder}/package.json`, '{"type": "commonjs"}');
    await writeFile(`${folder}/tsconfig.json`, JSON.stringify({
      compilerOptions: {
        strict: true, skipLibCheck: true, noEmitOnError: true, types: [], target: 'es2022', lib: ['es2022', 'dom'],
        module: 'commonjs', moduleResolution: 'node10', rootDir: 'source', outDir: 'compiled',
      },
      include: ['source'],
    }));
    await run(process.execPath, [path('../node_modules/typescript/bin/tsc'), '--project', folder])
      .catch((error) => { throw new Error(`the generated client does not compile:\n${error.stdout}`); });
    return require(`${folder}/compiled/index.js`);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/**
 * The service, called by the generated client, with the interface of Service. `answered` has the methods that have
 * answered, `refused` the errors of each method.
 */
export class GeneratedService {
  constructor(url, did, generated, lexicons = readLexicons()) {
    Object.assign(this, {
      url: url.replace(/\/$/, ''),
      did,
      generated,
      lexicons,
      answered: new Set(),
      refused: new Set(),
    });
  }

  query(user, method, params = {}) {
    return this.#call(
      user,
      method,
      Object.fromEntries(Object.entries(params).filter(([, value]) => value !== undefined)),
    );
  }

  procedure(user, method, input = {}) {
    return this.#call(user, method, input, { encoding: 'application/json' });
  }

  async #call(user, method, given, options) {
    const client = new this.generated.AtpBaseClient(async (pathname, init) => {
      const headers = new Headers(init.headers);
      if (user) headers.set('authorization', `Bearer ${await user.token(this.did, `${namespace}.${method}`)}`);
      return fetch(`${this.url}${pathname}`, { ...init, headers }).catch((error) => { throw new Cut(method, error); });
    });
    try {
      const { data } = await client.blue.catbird.mls[method](given, options);
      this.answered.add(method);
      return data;
    } catch (error) {
      this.#checkError(method, error);
      throw error;
    }
  }

  /** The lexicon must declare the error of a refusal; then the generated client has a class for the error. */
  #checkError(method, error) {
    this.refused.add(`${method}: ${error.error}`);
    if (protocolErrors.has(error.error)) return;
    const declared =
      this.generated[`BlueCatbirdMls${method[0].toUpperCase()}${method.slice(1)}`][`${error.error}Error`];
    if (declared === undefined || !(error instanceof declared))
      throw new Error(`${method} answered ${error.error}, which its lexicon does not declare: ${error.message}`);
  }
}
