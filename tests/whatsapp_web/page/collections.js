/*
 * The collections in one place, and those that stay empty here: calls, statuses, labels, blocked contacts.
 */
'use strict';

(() => {
  /** Define a module with an empty collection of its own class, as the features behind it are not simulated. */
  function emptyCollection(moduleName, className) {
    defineModule(moduleName, (exports, require) => {
      const { BaseCollection } = require('WAWebBaseCollection');
      const { BaseModel } = require('WAWebBaseModel');
      const made = class extends BaseCollection {};
      made.model = class extends BaseModel {};
      exports[className] = new made();
      exports.default = exports[className];
    });
  }
  emptyCollection('WAWebBlocklistCollection', 'BlocklistCollection');
  emptyCollection('WAWebStatusCollection', 'StatusCollection');
  emptyCollection('WAWebTextStatusCollection', 'TextStatusCollection');
  emptyCollection('WAWebLabelCollection', 'LabelCollection');
  emptyCollection('WAWebBusinessProfileCollection', 'BusinessProfileCollection');
  emptyCollection('WAWebProfilePicThumbCollection', 'ProfilePicThumbCollection');
  emptyCollection('WAWebNewsletterCollection', 'NewsletterCollection');
})();

defineDefault('WAWebCallCollection', (exports, require) => {
  const { BaseCollection } = require('WAWebBaseCollection');

  class CallCollectionImpl extends BaseCollection {
    static model = require('WAWebBaseModel').BaseModel;
    activeCalls = new Map();

    processIncomingCall() {}

    setActiveCall() {}
  }
  exports.CallCollectionImpl = CallCollectionImpl;
  exports.default = new CallCollectionImpl();
});

defineModule('WAWebCollections', (exports, require, importNamespace) => {
  Object.assign(exports, {
    Msg: require('WAWebMsgCollection').MsgCollection,
    Chat: require('WAWebChatCollection').ChatCollection,
    Contact: require('WAWebContactCollection').ContactCollection,
    Presence: require('WAWebPresenceCollection').PresenceCollection,
    GroupMetadata: importNamespace('WAWebGroupMetadataCollection').default,
    Blocklist: require('WAWebBlocklistCollection').BlocklistCollection,
    BusinessProfile: require('WAWebBusinessProfileCollection').BusinessProfileCollection,
    WAWebNewsletterCollection: require('WAWebNewsletterCollection').NewsletterCollection,
  });
});
