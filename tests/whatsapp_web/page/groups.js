/*
 * Groups: who is in them.
 */
'use strict';

defineModule('WAWebGroupMetadataModel', (exports, require) => {
  const { BaseModel } = require('WAWebBaseModel');
  const { BaseCollection } = require('WAWebBaseCollection');

  class Participant extends BaseModel {
    static defaults = () => ({ id: undefined, isAdmin: false, isSuperAdmin: false });
  }

  class ParticipantCollection extends BaseCollection {
    static model = Participant;

    iAmMember() {
      return this.some((member) => require('WAWebUserPrefsMeUser').isMeAccount(member.id));
    }

    iAmAdmin() {
      return false;
    }
  }

  class GroupMetadata extends BaseModel {
    static defaults = () => ({
      id: undefined,
      subject: undefined,
      announce: false,
      restrict: false,
      isLidAddressingMode: true,
      participants: new ParticipantCollection(),
    });
  }
  GroupMetadata.prototype.proxyName = 'groupMetadata';
  exports.default = GroupMetadata;
  Object.assign(exports, { GroupMetadata, Participant, ParticipantCollection });
});

defineDefault('WAWebGroupParticipantCollection', (exports, require) => {
  exports.default = require('WAWebGroupMetadataModel').ParticipantCollection;
});

defineModule('WAWebGroupMetadataCollection', (exports, require) => {
  const { BaseCollection } = require('WAWebBaseCollection');
  const { GroupMetadata, ParticipantCollection } = require('WAWebGroupMetadataModel');
  const { transport } = require('WAWebTransport');
  const { createWid } = require('WAWebWidFactory');

  class GroupMetadataCollectionImpl extends BaseCollection {
    static model = GroupMetadata;

    async loadFromServer() {
      for (const { id, subject, members } of await transport.request('groups')) {
        const participants = new ParticipantCollection();
        for (const member of members) {
          require('WAWebLidPnCache').lidPnCache.remember(member);
          participants.add({ id: createWid(member.lid) });
        }
        const metadata = this.add({ id: createWid(id), subject, participants });
        await this.openChat(metadata.id);
      }
    }

    async find(id) {
      if (!this.get(id)) await this.loadFromServer();
      return this.assertGet(id);
    }

    async update(id) {
      return this.find(id);
    }

    async openChat(wid) {
      const { ChatCollection } = require('WAWebChatCollection');
      const chat = ChatCollection.get(wid) ?? (await require('WAWebCreateChat').createChat(wid));
      chat.set({ groupMetadata: this.get(wid) ?? (await this.find(wid)) });
      return chat;
    }

    onParentGroupChange() {}
  }
  exports.default = new GroupMetadataCollectionImpl();
  transport.on('push:groups-changed', () => exports.default.loadFromServer().catch(() => {}));
});

defineModule('WAWebUpdateDbForGroupActionJob', (exports) => {
  exports.updateDBForGroupAction = async () => {};
});
