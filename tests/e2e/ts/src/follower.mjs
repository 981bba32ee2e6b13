// Follows an account's events with AT Protocol's own client, Subscription. Subscription reconnects by itself and asks
// each time for what comes after the last seq that it has seen. Every message is checked against the lexicon.
import { Subscription } from '@atproto/xrpc-server';
import { setTimeout as wait } from 'node:timers/promises';
import { Cut } from './service.mjs';

const nsid = 'blue.catbird.mls.subscribeConvoEvents';

export class Follower {
  /**
   * @param services hosts over one database. They are asked for a ticket in turn, beginning with the first, and the
   *   follower connects to the one that gives a ticket.
   * @param cursor the seq after which the events start; without a cursor they start with the next one that happens
   */
  constructor(services, user, cursor) {
    Object.assign(this, {
      services,
      at: services.length - 1,
      user,
      cursor,
      events: [],
      connections: 0,
      waiting: [],
      stopped: new AbortController(),
    });
    const outcome = this.#run().then(() => new Error('the service ended the stream'), (error) => error);
    this.ended = outcome.then((error) => {
      this.error = error;
      this.#wake();
    });
  }

  async #run() {
    const follower = this;
    const subscription = new Subscription({
      get service() { return follower.url; }, // Subscription reads this before each connection.
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

  /** A ticket for the next connection. While no host answers, this method waits and asks the next host. */
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

  /** Waits until the stream has brought the entry of a conversation's log with this seq or a later one. */
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
      events: this.events.map((event) => ({
        type: event.$type.split('#')[1],
        seq: event.seq,
        convoId: event.convoId,
        logSeq: logSeqOf(event),
        epoch: event.commit?.epoch ?? event.message?.epoch ?? event.epoch,
      })),
    };
  }

  #wake() {
    for (const resolve of this.waiting.splice(0)) resolve();
  }
}

const logSeqOf = (event) => event.commit?.seq ?? event.message?.seq;
