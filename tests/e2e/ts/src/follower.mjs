// Follows an account's events with AT Protocol's own client: it reconnects by itself, and comes back with the last seq
// that it has seen. Every message is checked against the lexicon.
import { Subscription } from '@atproto/xrpc-server';
import { setTimeout as wait } from 'node:timers/promises';
import { Cut } from './service.mjs';

const nsid = 'blue.catbird.mls.subscribeConvoEvents';

export class Follower {
  /**
   * @param services hosts over one database; whichever gives a ticket is connected to, first of all the one after the last
   * @param cursor the seq after which to start; without it, what happens next
   */
  constructor(services, user, cursor) {
    Object.assign(this, { services, at: services.length - 1, user, cursor, events: [], connections: 0, waiting: [], stopped: new AbortController() });
    this.ended = this.#run().then(() => new Error('the service ended the stream'), (error) => error).then((error) => {
      this.error = error;
      this.#wake();
    });
  }

  async #run() {
    const follower = this;
    const subscription = new Subscription({
      get service() { return follower.url; }, // asked for each connection
      method: nsid,
      maxReconnectSeconds: 0.2,
      signal: this.stopped.signal,
      getParams: async () => ({ ticket: await this.#ticket(), cursor: this.cursor }),
      validate: (message) => this.services[0].lexicons.assertValidXrpcMessage(nsid, message),
    });
    for await (const event of subscription) {
      this.events.push(event);
      if (event.seq !== undefined) this.cursor = String(event.seq);
      this.#wake();
    }
  }

  /** A ticket is asked for before each connection, so while the host is down this is what fails. */
  async #ticket() {
    while (true) {
      this.at = (this.at + 1) % this.services.length;
      try {
        const { ticket, endpoint } = await this.services[this.at].procedure(this.user, 'getSubscriptionTicket');
        if (endpoint !== `${this.url}/xrpc/${nsid}`) throw new Error(`endpoint ${endpoint}`);
        this.connections++;
        return ticket;
      } catch (error) {
        if (!(error instanceof Cut)) throw error;
        await wait(50);
      }
    }
  }

  /** Waits until a place in a conversation's log has been told. */
  async until(convoId, logSeq) {
    while (!this.events.some((event) => event.convoId === convoId && logSeqOf(event) >= logSeq)) {
      if (this.error) throw this.error;
      await new Promise((resolve) => this.waiting.push(resolve));
    }
    return this.view();
  }

  get url() { return this.services[this.at].url.replace(/^http/, 'ws'); }

  view() {
    return {
      at: this.at,
      connections: this.connections,
      events: this.events.map((event) => ({ type: event.$type.split('#')[1], seq: event.seq, convoId: event.convoId, logSeq: logSeqOf(event), epoch: event.commit?.epoch ?? event.message?.epoch ?? event.epoch })),
    };
  }

  #wake() {
    for (const resolve of this.waiting.splice(0)) resolve();
  }
}

const logSeqOf = (event) => event.commit?.seq ?? event.message?.seq;
