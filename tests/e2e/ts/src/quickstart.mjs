// The quick start of docs/client.md with ts-mls: a device with nothing but its account comes back into a conversation.
import { randomUUID } from 'node:crypto';
import * as mls from './mls.mjs';

const base64 = (bytes) => Buffer.from(bytes).toString('base64');
const bytes = (text) => Uint8Array.from(Buffer.from(text, 'base64'));

/** @param user signs a service token for each call; @param suite the conversation's cipher suite */
export async function quickStart(service, user, deviceId, convoId, suite) {
  // <sample>
  const cs = await mls.suite(suite), signature = await mls.signatureKeyPair(cs);
  await service.procedure(user, 'registerDevice', { deviceId, deviceName: 'my phone', signaturePublicKey: base64(signature.publicKey) });
  const own = await mls.keyPackage(cs, new TextEncoder().encode(`${user.did}#${deviceId}`), signature);
  const served = await service.query(user, 'getGroupInfo', { convoId });
  const { commit, state } = await mls.externalCommit(cs, bytes(served.groupInfo), bytes(served.ratchetTree), own);
  const groupInfo = base64(await mls.groupInfoOf(cs, state)); // of the epoch that the commit creates: both are stored together, or neither
  await service.procedure(user, 'processExternalCommit', { convoId, externalCommit: base64(commit), groupInfo, idempotencyKey: randomUUID() });
  const { message } = await mls.encrypt(cs, state, new TextEncoder().encode('I am back'));
  await service.procedure(user, 'sendMessage', { convoId, message: base64(message) });
  // </sample>
}
