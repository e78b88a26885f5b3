/*
 * One WebSocket to the server: requests with answers, and what the server says unasked.
 */
'use strict';

defineModule('WAWebTransport', (exports, require) => {
  const EventEmitter = require('WAWebEventEmitter');

  class ServerError extends Error {
    constructor({ code, text, ...more }) {
      super(text);
      this.name = 'ServerStatusCodeError';
      this.status = code;
      Object.assign(this, more);
    }
  }

  class NetworkError extends Error {
    name = 'NetworkError';
  }

  class Transport extends EventEmitter {
    #socket = null;
    #waiting = new Map();
    #next = 1;

    open() {
      return new Promise((resolve, reject) => {
        const socket = new WebSocket(`${location.origin.replace(/^http/, 'ws')}/ws/chat`);
        socket.onopen = () => resolve();
        socket.onmessage = (event) => this.#receive(JSON.parse(event.data));
        socket.onclose = () => {
          reject(new NetworkError('could not connect'));
          this.#lost(socket);
        };
        this.#socket = socket;
      });
    }

    /** Ask the server. Rejects with NetworkError when the line breaks before the answer. */
    request(op, fields = {}) {
      return new Promise((resolve, reject) => {
        if (this.#socket?.readyState !== WebSocket.OPEN) return reject(new NetworkError('offline'));
        const n = this.#next++;
        this.#waiting.set(n, { resolve, reject });
        this.#socket.send(JSON.stringify({ n, op, ...fields }));
      });
    }

    close() {
      this.#socket?.close();
    }

    #receive(frame) {
      if (frame.push) return this.trigger(`push:${frame.push}`, frame);
      const waiting = this.#waiting.get(frame.r);
      this.#waiting.delete(frame.r);
      if (frame.error) waiting?.reject(new ServerError(frame.error));
      else waiting?.resolve(frame.value);
    }

    #lost(socket) {
      if (socket !== this.#socket) return;
      this.#socket = null;
      const waiting = [...this.#waiting.values()];
      this.#waiting.clear();
      for (const { reject } of waiting) reject(new NetworkError('the connection broke'));
      this.trigger('lost');
    }
  }

  Object.assign(exports, { transport: new Transport(), ServerError, NetworkError });
});
