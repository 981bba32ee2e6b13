// Who a caller is: a did:key user and the service tokens that the user signs, a fresh one for each request.
import { P256Keypair, Secp256k1Keypair } from '@atproto/crypto';
import { randomBytes } from 'node:crypto';

const base64url = (bytes) => Buffer.from(bytes).toString('base64url');
const json = (value) => base64url(JSON.stringify(value));

export class User {
  /** @param algorithm ES256K or ES256: the two that AT Protocol service tokens use */
  static async create(algorithm = 'ES256K') {
    const key = algorithm === 'ES256' ? await P256Keypair.create() : await Secp256k1Keypair.create();
    return new User(key);
  }

  constructor(key) {
    this.key = key;
    this.did = key.did();
  }

  /** A token for one call of one method, valid for 60 seconds. */
  async token(audience, nsid) {
    const now = Math.floor(Date.now() / 1000);
    const header = json({ typ: 'JWT', alg: this.key.jwtAlg });
    const claims = json({
      iat: now,
      iss: this.did,
      aud: audience,
      exp: now + 60,
      lxm: nsid,
      jti: randomBytes(16).toString('hex'),
    });
    const signature = await this.key.sign(Buffer.from(`${header}.${claims}`));
    return `${header}.${claims}.${base64url(signature)}`;
  }
}
