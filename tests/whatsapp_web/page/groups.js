/*
 * Groups: who is in them.
 */
'use strict';

defineModule('WAWebGroupParticipantModel', (exports, require) => {
  const { BaseModel } = require('WAWebBaseModel');

  class Participant extends BaseModel {
    static defaults = () => ({ id: undefined, isAdmin: false, isSuperAdmin: false });
  }
  Participant.prototype.proxyName = 'participant';
  exports.default = Participant;
});

defineModule('WAWebGroupMetadataModel', (exports, require) => {
  const { BaseModel } = require('WAWebBaseModel');
  const { BaseCollection } = require('WAWebBaseCollection');
  const Participant = require('WAWebGroupParticipantModel').default;

  class ParticipantCollection extends BaseCollection {
    static model = Participant;

    iAmMember() {
      return this.some((member) => require('WAWebUserPrefsMeUser').isMeAccount(member.id));
    }

    iAmAdmin() {
      return this.some(({ id, isAdmin }) => isAdmin && require('WAWebUserPrefsMeUser').isMeAccount(id));
    }

    canAdd() {
      return this.iAmAdmin();
    }

    canRemove(participant) {
      return this.iAmAdmin() && this.includes(participant);
    }
  }

  class GroupMetadata extends BaseModel {
    static defaults = () => ({
      id: undefined,
      subject: undefined,
      announce: false,
      restrict: false,
      terminated: false,
      suspended: false,
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
      const groups = await transport.request('groups');
      for (const group of groups) await this.openChat(this.take(group).id);
      const present = new Set(groups.map(({ id }) => id));
      // Whoever is taken out of a group is told so, and has it without themselves from then on.
      for (const metadata of this.getModelsArray())
        if (!present.has(String(metadata.id))) metadata.set({ participants: new ParticipantCollection() });
    }

    take({ id, subject, members }) {
      const participants = new ParticipantCollection();
      for (const member of members) {
        require('WAWebLidPnCache').lidPnCache.remember(member);
        participants.add({ id: createWid(member.lid), isAdmin: member.admin });
      }
      return this.add({ id: createWid(id), subject, participants });
    }

    /** A group that is gone, or that we are not in, is found too: without participants. */
    async find(id) {
      const wid = this.toId(id);
      if (this.get(wid)) return this.get(wid);
      const { status, groupInfo } = await require('WAWebGroupQueryGroupJob').queryGroupJob(wid);
      return status === 'success' ? this.take(groupInfo) : this.add({ id: wid });
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

defineModule('WAWebGroupQueryGroupJob', (exports, require) => {
  const { transport } = require('WAWebTransport');
  const STATUS = { 403: 'not_member', 404: 'terminated' };

  /** Ask the server about one group: two refusals are answers. */
  exports.queryGroupJob = async (wid) => {
    try {
      return { status: 'success', groupInfo: await transport.request('group', { id: String(wid) }) };
    } catch (error) {
      const status = STATUS[error.status];
      if (!status) throw error;
      const known = require('WAWebGroupMetadataCollection').default.get(wid);
      if (known && status === 'terminated') known.set({ terminated: true });
      return { status };
    }
  };
});

defineModule('WAWebUpdateDbForGroupActionJob', (exports) => {
  exports.updateDBForGroupAction = async () => {};
});

defineModule('WAWebGroupModifyParticipantsJob', (exports, require) => {
  const { transport } = require('WAWebTransport');

  /** Change who is in a group. This page's own list stays as it is until the server tells of the change. */
  async function change(wid, { add = [], remove = [] }) {
    await transport.request('group-members', { id: String(wid), add: add.map(String), remove: remove.map(String) });
    const done = (userWid) => ({ userWid, code: '200', invite_code: null, invite_code_exp: null });
    return { status: 207, participants: [...add, ...remove].map(done) };
  }

  const notSimulated = async () => {
    throw new Error('not simulated');
  };
  Object.assign(exports, {
    addGroupParticipants: (wid, members) => change(wid, { add: members.map(({ phoneNumber }) => phoneNumber) }),
    removeGroupParticipants: (wid, members) => change(wid, { remove: members }),
    promoteGroupParticipants: notSimulated,
    demoteGroupParticipants: notSimulated,
  });
});

defineModule('WAWebModifyParticipantsGroupAction', (exports, require) => {
  const job = require('WAWebGroupModifyParticipantsJob');
  const notSimulated = async () => {
    throw new Error('not simulated');
  };
  Object.assign(exports, {
    addParticipants: (chat, members) => job.addGroupParticipants(chat.id, members.map(({ id }) => ({ phoneNumber: id }))),
    removeParticipants: (chat, members) => job.removeGroupParticipants(chat.id, members.map(({ id }) => id)),
    promoteParticipants: notSimulated,
    demoteParticipants: notSimulated,
    promoteCommunityParticipants: notSimulated,
    demoteCommunityParticipants: notSimulated,
  });
});
