// The quick start of docs/client.md with ts-mls: a device that has nothing but its account rejoins a conversation.
import { randomUUID } from 'node:crypto';
import * as mls from './mls.mjs';

const base64 = (bytes) => Buffer.from(bytes).toString('base64');
const bytes = (text) => Uint8Array.from(Buffer.from(text, 'base64'));

/** @param user the account, which signs a service token for each call; @param suite the conversation's cipher suite */
export async function quickStart(service, user, deviceId, convoId, suite) {
  // <sample>
  const cs = await mls.suite(suite), signature = await mls.signatureKeyPair(cs);
  const signaturePublicKey = base64(signature.publicKey);
  await service.procedure(user, 'registerDevice', { deviceId, deviceName: 'my phone', signaturePublicKey });
  const own = await mls.keyPackage(cs, new TextEncoder().encode(`${user.did}#${deviceId}`), signature);
  const served = await service.query(user, 'getGroupInfo', { convoId });
  const { commit, state } = await mls.externalCommit(cs, bytes(served.groupInfo), bytes(served.ratchetTree), own);
  // The GroupInfo of the epoch that the commit creates: the service stores both or neither.
  const groupInfo = base64(await mls.groupInfoOf(cs, state));
  const input = { convoId, externalCommit: base64(commit), groupInfo, idempotencyKey: randomUUID() };
  await service.procedure(user, 'processExternalCommit', input);
  const { message } = await mls.encrypt(cs, state, new TextEncoder().encode('I am back'));
  await service.procedure(user, 'sendMessage', { convoId, message: base64(message) });
  // </sample>
}
