// Accounts as the network has them. This program serves the documents of did:web hosts and of a did:plc directory over
// HTTP, and makes service tokens with the code of AT Protocol's own servers, in both algorithms.
import { P256Keypair, Secp256k1Keypair, formatMultikey } from '@atproto/crypto';
import { createServiceJwt } from '@atproto/xrpc-server';
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';

const method = 'getServiceInfo';
const lxm = `blue.catbird.mls.${method}`;

const documentOf = (did, key) => ({
  '@context': ['https://www.w3.org/ns/did/v1', 'https://w3id.org/security/multikey/v1'],
  id: did,
  verificationMethod: [
    {
      id: `${did}#atproto`,
      type: 'Multikey',
      controller: did,
      publicKeyMultibase: formatMultikey(key.jwtAlg, key.publicKeyBytes()),
    },
  ],
  service: [{ id: '#atproto_pds', type: 'AtprotoPersonalDataServer', serviceEndpoint: 'https://pds.example.com' }],
});

/**
 * @param port the port of the host's Identity__PlcDirectory; the hosts of the did:web accounts have names below
 *   localhost and the same port
 */
export async function accounts({ service, port }) {
  const documents = new Map();
  const asked = [];
  const server = createServer((request, response) => {
    asked.push(request.url);
    const host = request.headers.host.split(':')[0];
    const document = documents.get(
      request.url === '/.well-known/did.json' ? `did:web:${host}%3A${port}` : decodeURIComponent(request.url.slice(1)),
    );
    response
      .writeHead(document ? 200 : 404, { 'content-type': 'application/json' })
      .end(document && JSON.stringify(document));
  });
  await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
  try {
    const accepted = [];
    for (const create of [Secp256k1Keypair.create, P256Keypair.create]) {
      const key = await create({});
      const base32 = 'abcdefghijklmnopqrstuvwxyz234567';
      const plc = `did:plc:${Array.from(randomBytes(24), (byte) => base32[byte % 32]).join('')}`;
      for (const did of [`did:web:${key.jwtAlg.toLowerCase()}.localhost%3A${port}`, plc]) {
        const user = (token) => ({ token: async () => token });
        const jwt = (aud) => createServiceJwt({ iss: did, aud, lxm, keypair: key });
        documents.set(did, documentOf(did, key));
        for (const aud of [service.did, `${service.did}#atproto_mls`]) {
          const token = await jwt(aud);
          const info = await service.query(user(token), method);
          assert.equal(info.did, service.did);
          await refused(service.query(user(token), method));
        }
        await refused(service.query(user(await jwt('did:web:other.example.com')), method));
        await refused(service.query(user(await jwt(`${service.did}#bsky_appview`)), method));
        accepted.push(`${key.jwtAlg} ${did.split(':')[1]}`);
      }
    }
    // The service asks for the document of each account once, however many tokens the account sent.
    assert.equal(asked.length, accepted.length);
    return { accepted };
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const refused = (attempt) => assert.rejects(attempt, (thrown) => {
  assert.equal(thrown.error, 'AuthenticationRequired', thrown.message);
  return true;
});
