/*
 * Places of the real page that clients take hold of when they start, and that nothing here comes through:
 * statuses, polls, labels, reactions, stickers, link previews. They exist so that taking hold works.
 */
'use strict';

(() => {
  const nothing = () => undefined;
  const modules = {
    WAWebABProps: { getABPropConfigValue: nothing },
    WAWebGenMinimalLinkPreview: { genMinimalLinkPreview: async () => null },
    WAWebFanoutMsgStanza: { createFanoutMsgStanza: nothing },
    WAWebVideoThumbs: { generateVideoThumbsAndDuration: nothing },
    WAWebProcessRawSticker: { processRawSticker: nothing },
    WAWebInboxFilters: { isFilterExcludedFromSearchTreatmentInInboxFlow: () => false },
    WAWebPinnedChats: { getNumChatsPinned: () => 0 },
    WAWebPrimaryFeatures: { primaryFeatureEnabled: () => false },
    WAWebAddToLabelCollection: { addToLabelCollection: nothing, removeLabelFromCollection: nothing },
    WAWebUpsertVotes: { upsertVotesDb: nothing },
    WAWebReactionsModelCollection: { addOrUpdateReactionsModelCollection: nothing },
    WAWebEncryptAndSendStatusMsg: { encryptAndSendStatusMsg: nothing },
    WAWebSyncGatingUtils: { isPlaceholderMessageResendEnabled: () => false },
    WAWebNonMessageDataRequestPlaceholderMessageResendUtils: { handlePlaceholderMsgsSeen: nothing },
    WAWebAddonReactionTableMode: { reactionTableMode: { bulkUpsert: nothing } },
    WAWebAddonPollVoteTableMode: { pollVoteTableMode: { bulkUpsert: nothing } },
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
