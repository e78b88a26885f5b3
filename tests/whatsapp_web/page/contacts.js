/*
 * Contacts, hidden ids (LIDs), and the question whether a number is on WhatsApp.
 */
'use strict';

defineModule('WAWebContactModel', (exports, require) => {
  const { BaseModel } = require('WAWebBaseModel');

  class Contact extends BaseModel {
    static defaults = () => ({
      id: undefined,
      name: undefined,
      pushname: undefined,
      shortName: undefined,
      isBusiness: false,
      isEnterprise: false,
      phoneNumber: undefined,
      isContactBlocked: false,
    });
  }
  Contact.prototype.proxyName = 'contact';
  exports.default = Contact;
  exports.ContactModel = Contact;
});

defineModule('WAWebContactCollection', (exports, require) => {
  const { BaseCollection } = require('WAWebBaseCollection');

  class ContactCollectionImpl extends BaseCollection {
    static model = require('WAWebContactModel').ContactModel;
  }
  exports.ContactCollectionImpl = ContactCollectionImpl;
  exports.ContactCollection = new ContactCollectionImpl();
});

defineModule('WAWebLidPnCache', (exports, require) => {
  const byPhone = new Map();
  const byLid = new Map();
  const { createWid } = require('WAWebWidFactory');

  function remember({ phone, lid }) {
    byPhone.set(phone, createWid(lid));
    byLid.set(lid, createWid(phone));
  }
  exports.lidPnCache = {
    remember,
    getCurrentLid: (wid) => byPhone.get(String(wid)),
    getPhoneNumber: (wid) => byLid.get(String(wid)),
  };
});

defineModule('WAWebApiContact', (exports, require) => {
  const { lidPnCache } = require('WAWebLidPnCache');
  exports.getCurrentLid = (wid) => lidPnCache.getCurrentLid(wid);
  exports.getPhoneNumber = (wid) => (wid.isLid() ? lidPnCache.getPhoneNumber(wid) : wid);
  exports.getAlternateUserWid = (wid) =>
    wid.isLid() ? lidPnCache.getPhoneNumber(wid) : lidPnCache.getCurrentLid(wid);
  exports.hasLidMapping = (wid) => Boolean(exports.getAlternateUserWid(wid));
  exports.getContactUsername = () => undefined;
});

defineModule('WAWebLidMigrationUtils', (exports, require) => {
  const contacts = require('WAWebApiContact');
  exports.Lid1X1MigrationUtils = {
    isLidMigrated: () => true,
    isSyncdSessionMigrated: () => true,
    shouldApplyNonMigratedMessagingRules: () => false,
  };
  exports.toPn = (wid) => (wid.isLid() ? contacts.getPhoneNumber(wid) : wid);
  exports.toLid = (wid) => (wid.isLid() ? wid : contacts.getCurrentLid(wid));
  exports.toUserLid = exports.toLid;
  exports.toUserLidOrThrow = (wid) => {
    const lid = exports.toLid(wid);
    if (!lid) throw new Error('No LID for user');
    return lid;
  };
  exports.shouldHaveAccountLid = (wid) => wid.isUser();
});

defineModule('WAWebQueryExistsJob', (exports, require) => {
  const { transport } = require('WAWebTransport');

  async function ask(op, wid) {
    const found = await transport.request(op, { wid: String(wid) });
    if (found) require('WAWebLidPnCache').lidPnCache.remember(found);
    return found;
  }

  /** Ask the server which hidden id exactly this id has, for a chat with it. */
  const lookUp = (wid) => ask('contact', wid);

  /** The answer's `wid` is the account's own id, which may have another number than the question. */
  async function queryWidExists(wid) {
    const found = await ask('exists', wid);
    if (!found) return null;
    return {
      wid: require('WAWebWidFactory').createWid(found.phone),
      biz: found.business,
      bizInfo: undefined,
      disappearingMode: undefined,
      status: undefined,
      username: undefined,
    };
  }
  Object.assign(exports, { lookUp, queryWidExists });
  exports.queryPhoneExists = (phone) => queryWidExists(`${phone}@c.us`);
});

defineModule('WAWebContactGetters', (exports, require) => {
  const me = (contact) => require('WAWebUserPrefsMeUser').isMeAccount(contact.id);
  Object.assign(exports, {
    getIsMe: me,
    getUserid: (contact) => contact.id.user,
    getName: (contact) => contact.name,
    getShortName: (contact) => contact.shortName,
    getPushname: (contact) => contact.pushname,
    getNotifyName: (contact) => contact.pushname,
    getVerifiedName: () => undefined,
    getVerifiedLevel: () => undefined,
    getStatusMute: () => false,
    getIsEnterprise: (contact) => contact.isEnterprise,
    getPremiumMessageName: () => undefined,
    getIsUser: (contact) => contact.id.isUser(),
    getIsGroup: (contact) => contact.id.isGroup(),
    getIsBroadcast: (contact) => contact.id.isBroadcast(),
    getIsNewsletter: (contact) => contact.id.isNewsletter(),
    getIsPSA: (contact) => contact.id.isPSA(),
    getIsIAS: () => false,
    getIsSupportAccount: () => false,
    getIsWAContact: (contact) => contact.id.isUser(),
    getCanRequestPhoneNumber: () => false,
    getShowBusinessCheckmarkAsPrimary: () => false,
    getShowBusinessCheckmarkAsSecondary: () => false,
    getShowBusinessCheckmarkInChatlist: () => false,
    getIsDisplayNameApproved: () => false,
    getShouldForceBusinessUpdate: () => false,
  });
});

defineModule('WAWebFrontendContactGetters', (exports, require) => {
  const phoneOf = (contact) => require('WAWebApiContact').getPhoneNumber(contact.id) ?? contact.id;
  const formattedPhone = (contact) => `+${phoneOf(contact).user}`;
  const shown = (contact) => contact.name ?? contact.pushname ?? formattedPhone(contact);
  Object.assign(exports, {
    getPhoneNumber: phoneOf,
    getTextStatusString: () => undefined,
    getPnForLid: phoneOf,
    getUserDisplayNameForLid: shown,
    getDisplayName: shown,
    getFormattedPhone: formattedPhone,
    getFormattedShortNameWithNonBreakingSpaces: shown,
    getFormattedShortName: shown,
    getFormattedName: shown,
    getFormattedUser: formattedPhone,
    getSearchName: (contact) => shown(contact).toLowerCase(),
    getIsMyContact: (contact) => Boolean(contact.name),
    getMentionName: shown,
    getSearchVerifiedName: () => undefined,
    getHeader: (contact) => shown(contact)[0],
  });
});

defineModule('WAWebFrontendVcardUtils', (exports, require) => {
  /** Make the card of a contact. */
  exports.vcardFromContactModel = (contact) => {
    const { getFormattedName, getPhoneNumber } = require('WAWebFrontendContactGetters');
    const displayName = contact.name ?? getFormattedName(contact);
    const { user } = getPhoneNumber(contact);
    const lines = ['BEGIN:VCARD', 'VERSION:3.0', `FN:${displayName}`, `TEL;waid=${user}:+${user}`, 'END:VCARD'];
    return { displayName, vcard: lines.join('\n') };
  };
});
