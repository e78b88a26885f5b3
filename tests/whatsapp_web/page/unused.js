/*
 * Places of the real page that clients take hold of when they start, and that nothing here comes through:
 * statuses, labels, link previews. They exist so that taking hold works.
 */
'use strict';

(() => {
  const nothing = () => undefined;
  const modules = {
    WAWebABProps: { getABPropConfigValue: nothing },
    WAWebGenMinimalLinkPreview: { genMinimalLinkPreview: async () => null },
    WAWebFanoutMsgStanza: { createFanoutMsgStanza: nothing },
    WAWebProcessRawSticker: { processRawSticker: nothing },
    WAWebInboxFilters: { isFilterExcludedFromSearchTreatmentInInboxFlow: () => false },
    WAWebPinnedChats: { getNumChatsPinned: () => 0 },
    WAWebPrimaryFeatures: { primaryFeatureEnabled: () => false },
    WAWebAddToLabelCollection: { addToLabelCollection: nothing, removeLabelFromCollection: nothing },
    WAWebEncryptAndSendStatusMsg: { encryptAndSendStatusMsg: nothing },
    WAWebSyncGatingUtils: { isPlaceholderMessageResendEnabled: () => false },
    WAWebNonMessageDataRequestPlaceholderMessageResendUtils: { handlePlaceholderMsgsSeen: nothing },
    WAWebVcardParsingUtils: { parseVcard: () => null },
    WAWebChatSearchQuery: {
      SearchQuery: class SearchQuery {
        updateLabelQuery() {}
      },
    },
  };
  for (const [name, members] of Object.entries(modules)) {
    defineModule(name, (exports) => Object.assign(exports, members));
  }
})();
