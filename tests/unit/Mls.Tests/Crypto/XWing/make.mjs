import { CipherSuite, HkdfSha256 } from '@hpke/core'
import { Chacha20Poly1305 } from '@hpke/chacha20poly1305'
import { XWing } from '@hpke/hybridkem-x-wing'
const suite = new CipherSuite({ kem: new XWing(), kdf: new HkdfSha256(), aead: new Chacha20Poly1305() })
const hex = b => Buffer.from(b).toString('hex')
const out = []
for (let i = 1; i <= 3; i++) {
  const ikm = new Uint8Array(32).fill(i)
  const pair = await suite.kem.deriveKeyPair(ikm.buffer)
  const publicKey = await suite.kem.serializePublicKey(pair.publicKey)
  const info = new TextEncoder().encode('info ' + i)
  const sender = await suite.createSenderContext({ recipientPublicKey: pair.publicKey, info })
  const ciphertext = await sender.seal(new TextEncoder().encode('plaintext ' + i), new Uint8Array(0))
  const exported = await sender.export(new TextEncoder().encode('exporter'), 32)
  out.push({
    ikm: hex(ikm),
    public_key: hex(publicKey),
    info: hex(info),
    kem_output: hex(sender.enc),
    ciphertext: hex(ciphertext),
    exported: hex(exported)
  })
}
console.log(JSON.stringify(out, null, 1))
