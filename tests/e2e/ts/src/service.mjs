// The service over HTTP. AT Protocol's own validator checks every answer against the method's lexicon, so that each
// scenario is also a test of the contract.
import { Lexicons, jsonToLex } from '@atproto/lexicon';
import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const namespace = 'blue.catbird.mls';
const commonErrors = new Set([
  'InvalidRequest', 'AuthenticationRequired', 'Unauthorized', 'RateLimitExceeded', 'IdempotencyConflict',
  'EpochMismatch', 'MethodNotImplemented', 'InternalServerError',
]);

/** A refusal: the error body, its status and its headers. */
export class Refused extends Error {
  constructor(nsid, status, body, headers) {
    super(`${nsid}: ${status} ${body.error}${body.rule ? ` (${body.rule})` : ''}: ${body.message}`);
    Object.assign(this, { nsid, status, body, headers, error: body.error });
  }
}

/** No answer: the connection was refused or cut. */
export class Cut extends Error {
  constructor(nsid, cause) {
    super(`${nsid}: ${cause.message}: ${cause.cause?.code ?? ''} ${cause.cause?.message ?? ''}`, { cause });
    this.error = 'Cut';
  }
}

export function readLexicons(
  directory = fileURLToPath(new URL('../../../../lexicons/blue/catbird/mls/', import.meta.url)),
) {
  const documents = readdirSync(directory)
    .filter((name) => name.endsWith('.json'))
    .map((name) => JSON.parse(readFileSync(`${directory}/${name}`, 'utf8')));
  return new Lexicons(documents);
}

/** Checks what the client sends against the lexicon. @returns the values without those that are undefined */
export function checkRequest(lexicons, type, method, values) {
  const given = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
  const nsid = `${namespace}.${method}`;
  if (type === 'query') lexicons.assertValidXrpcParams(nsid, given);
  else lexicons.assertValidXrpcInput(nsid, jsonToLex(given));
  return given;
}

export class Service {
  constructor(url, did = 'did:web:localhost', lexicons = readLexicons()) {
    Object.assign(this, { url: url.replace(/\/$/, ''), did, lexicons });
  }

  query(user, method, params = {}) {
    const given = checkRequest(this.lexicons, 'query', method, params);
    const query = new URLSearchParams(
      Object.entries(given).flatMap(([name, value]) => [value].flat().map((one) => [name, String(one)])),
    );
    return this.#call(user, method, { method: 'GET' }, `?${query}`);
  }

  procedure(user, method, input = {}) {
    checkRequest(this.lexicons, 'procedure', method, input);
    return this.#call(user, method, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(input),
    });
  }

  async #call(user, method, request, query = '') {
    const nsid = `${namespace}.${method}`;
    const headers = { ...request.headers };
    if (user) headers.authorization = `Bearer ${await user.token(this.did, nsid)}`;
    const response = await fetch(`${this.url}/xrpc/${nsid}${query}`, { ...request, headers }).catch((error) => {
      throw new Cut(nsid, error);
    });
    const body = await response.json();
    if (response.ok) {
      this.lexicons.assertValidXrpcOutput(nsid, jsonToLex(body));
      return body;
    }
    this.#checkError(nsid, response, body);
    throw new Refused(nsid, response.status, body, response.headers);
  }

  #checkError(nsid, response, body) {
    const declared = this.lexicons.getDefOrThrow(nsid).errors?.some(({ name }) => name === body.error);
    if (!declared && !commonErrors.has(body.error))
      throw new Error(`${nsid} answered ${body.error}, which its lexicon does not declare`);
    if (typeof body.message !== 'string' || /\s/.test(body.error))
      throw new Error(`${nsid}: misshapen error ${JSON.stringify(body)}`);
    if (
      body.error === 'TurnPending' &&
      !(
        Number.isSafeInteger(body.retryAfterMs) &&
        body.position >= 1 &&
        Number(response.headers.get('retry-after')) * 1000 >= body.retryAfterMs
      )
    )
      throw new Error(`${nsid}: TurnPending without when to come again: ${JSON.stringify(body)}`);
    if (
      body.error === 'EpochMismatch' &&
      (!Number.isSafeInteger(body.currentEpoch) ||
        response.headers.get('mls-current-epoch') !== String(body.currentEpoch))
    )
      throw new Error(`${nsid}: EpochMismatch without its currentEpoch: ${JSON.stringify(body)}`);
  }
}
