/*
 * Newer versions: the notice that there is one, and the page that loads itself anew for it.
 */
'use strict';

defineModule('WAWebUpdater', (exports, require) => {
  const { Stream } = require('WAWebStreamModel');
  let expiration = null;
  let noticing = null;

  exports.Updater = {
    /** Tell that there is a newer version; nothing more comes of it. */
    showSoftUpdateBanner() {
      Stream.set({ needsUpdate: true, isHardRefresh: false });
    },

    /** Load the page anew after some milliseconds. */
    update(version, soft, hardExpireMs) {
      clearTimeout(expiration);
      Stream.set({ needsUpdate: true, isHardRefresh: true });
      expiration = setTimeout(() => this.restart(), hardExpireMs);
    },

    restart() {
      require('WAWebMiscBrowserUtils').hardRefresh();
    },
  };

  /** Show the notice once the page has been there for some milliseconds. */
  exports.noticeAfter = (milliseconds) => {
    clearTimeout(noticing);
    noticing = setTimeout(() => exports.Updater.showSoftUpdateBanner(), milliseconds - performance.now());
  };
});
