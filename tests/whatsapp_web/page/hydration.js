/*
 * The flood after the start: messages of former days come into memory, and look like new ones.
 */
'use strict';

defineModule('WAWebHydration', (exports, require) => {
  const CHATS = 30;
  const AT_ONCE = 100;
  const A_DAY = 86400;
  const breath = () => new Promise((resolve) => setTimeout(resolve));
  let done = false;

  function oldMessage(number) {
    const { createWid } = require('WAWebWidFactory');
    const { MsgModel } = require('WAWebMsgModel');
    const MsgKey = require('WAWebMsgKey');
    const me = require('WAWebUserPrefsMeUser').getMaybeMePnUser();
    const chat = createWid(`1555900${String(number % CHATS).padStart(4, '0')}@c.us`);
    const fromMe = number % 3 === 0;
    return new MsgModel({
      id: new MsgKey({ fromMe, remote: chat, id: `3EB0OLD${String(number).padStart(13, '0')}` }),
      body: `from before, ${number}`,
      t: Math.floor(Date.now() / 1000) - A_DAY - number,
      from: fromMe ? me : chat,
      to: fromMe ? chat : me,
      ack: fromMe ? 0 : 1,
      isNewMsg: true,
    });
  }

  /** Bring so many in, once for each load of the page; each third is our own, and gets its ack. */
  exports.hydrate = async (count) => {
    if (done) return;
    done = true;
    const { MsgCollection } = require('WAWebMsgCollection');
    const { ChatCollection } = require('WAWebChatCollection');
    for (let number = 0; number < count; number += 1) {
      const msg = oldMessage(number);
      ChatCollection.add({ id: msg.id.remote }, { merge: false });
      MsgCollection.add(msg);
      if (msg.id.fromMe) msg.updateAck(1);
      if (number % AT_ONCE === AT_ONCE - 1) await breath();
    }
  };
});
