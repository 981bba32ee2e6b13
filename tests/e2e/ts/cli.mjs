#!/usr/bin/env node
// The client on the command line. Prints one JSON object a line; exits with 1 at the first failure.
//   node cli.mjs rejoin  [--url http://127.0.0.1:5080] [--service-did did:web:localhost] [--suite 1] [--new-key]
//   node cli.mjs journey [same options]
//   node cli.mjs contract [same options]    calls every method, by a client that is generated from lexicons/
//   node cli.mjs departures --grace MS [same options]
//                                           an account is removed, banned or expires and comes back; the service has
//                                           that grace period
//   node cli.mjs accounts --port P [same options]
//                                           serves documents of did:web and did:plc on that port, where the service
//                                           has its directory
//   node cli.mjs record  [--suite 1] [--commits 40]
//                                           prints what a service would see of a wandering group; needs no service
//   node cli.mjs session [same options]     reads commands as JSON lines from standard input, see src/session.mjs
//   node cli.mjs peer                       the same without a service: messages go in and out as bytes, see
//                                           src/peer.mjs
import { parseArgs } from 'node:util';
import { accounts } from './src/accounts.mjs';
import { contract } from './src/contract.mjs';
import { departures } from './src/departures.mjs';
import { Peer } from './src/peer.mjs';
import { Relay } from './src/relay.mjs';
import { journey, rejoin, serviceView, wander } from './src/scenarios.mjs';
import { Service } from './src/service.mjs';
import { runCommands, runSession } from './src/session.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    url: { type: 'string', default: 'http://127.0.0.1:5080' },
    'service-did': { type: 'string', default: 'did:web:localhost' },
    suite: { type: 'string', default: '1' },
    commits: { type: 'string', default: '40' },
    grace: { type: 'string', default: '2000' },
    port: { type: 'string', default: '2582' },
    'new-key': { type: 'boolean', default: false },
  },
});

const print = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
const options = {
  get service() { return new Service(values.url, values['service-did']); },
  suite: Number(values.suite),
  newKey: values['new-key'],
  log: print,
};

const scenarios = {
  async rejoin() {
    const { convoId, alice } = await rejoin(options);
    print({ result: 'passed', convoId, ...await serviceView(alice, convoId), device: alice.view(convoId) });
  },
  async journey() {
    const { convoId, devices, server } = await journey(options);
    print({ result: 'passed', convoId, ...server, devices: devices.map((device) => device.view(convoId)) });
  },
  async contract() {
    print({
      result: 'passed',
      ...(await contract({ url: values.url, did: values['service-did'], suite: options.suite, log: print })),
    });
  },
  async departures() {
    print({
      result: 'passed',
      ...(await departures({ ...options, service: options.service, grace: Number(values.grace) })),
    });
  },
  async accounts() {
    print({ result: 'passed', ...await accounts({ service: options.service, port: Number(values.port) }) });
  },
  async record() {
    const relay = new Relay();
    const { convoId } = await wander({ service: relay, suite: options.suite, commits: Number(values.commits) });
    print({ result: 'passed', suite: options.suite, ...relay.record(convoId) });
  },
  peer: () => runCommands(new Peer(), process.stdin, print),
  session: () => runSession(options.service, process.stdin, print),
};

const scenario = scenarios[positionals[0]];
if (scenario === undefined) {
  const names = Object.keys(scenarios).join('|');
  process.stderr.write(
    `usage: node cli.mjs ${names} [--url URL] [--service-did DID] [--suite 1|2|3] [--new-key]\n`,
  );
  process.exit(2);
}
try {
  await scenario();
} catch (error) {
  print({ result: 'failed', error: error.error ?? error.name, message: error.message, cause: error.cause?.message });
  process.exitCode = 1;
}
