/*
 * Files that came: fetched when somebody wants them, and asked for again when the server has them no more.
 */
'use strict';

defineModule('WAWebMmsClientErrors', (exports) => {
  exports.MediaNotFoundError = class MediaNotFoundError extends Error {
    name = 'MediaNotFoundError';
    status = 404;
  };
});

defineModule('WAWebDownloadManager', (exports, require) => {
  const { transport } = require('WAWebTransport');
  const { MediaNotFoundError } = require('WAWebMmsClientErrors');
  const GONE = [404, 410];

  exports.downloadManager = {
    /** Fetch a file; one with another hash than the message names is an error. */
    async downloadAndMaybeDecrypt({ directPath, filehash, signal }) {
      const response = await fetch(`${directPath}?${require('WAWebMmsHost').whoAsks()}`, { signal, cache: 'no-store' });
      if (GONE.includes(response.status)) throw new MediaNotFoundError('the file is there no more');
      if (!response.ok) throw new Error(`download failed: ${response.status}`);
      const content = await response.arrayBuffer();
      const { calculateFilehashFromBlob } = require('WAMediaCalculateFilehash');
      if ((await calculateFilehashFromBlob(new Blob([content]))) !== filehash) throw new Error('hash mismatch');
      return content;
    },

    /** Ask the phone that sent a file to put it on the server once more. */
    rmr: ({ directPath }) => transport.request('media-retry', { path: directPath }),
  };
});

defineModule('WAWebMediaMmsV4Download', (exports, require) => {
  const { downloadManager } = require('WAWebDownloadManager');
  const { MediaNotFoundError } = require('WAWebMmsClientErrors');
  const OpaqueData = require('WAWebMediaOpaqueData');

  /** Fetch the file; where it has expired, have the phone send it again first. */
  async function fetchContent(msg) {
    const { directPath, filehash, mediaData } = msg;
    try {
      return await downloadManager.downloadAndMaybeDecrypt({ directPath, filehash });
    } catch (error) {
      if (!(error instanceof MediaNotFoundError)) throw error;
      mediaData.set({ mediaStage: 'REUPLOADING' });
      await downloadManager.rmr({ directPath });
      return downloadManager.downloadAndMaybeDecrypt({ directPath, filehash });
    }
  }

  async function load(msg) {
    const { mediaData } = msg;
    const blob = new Blob([await fetchContent(msg)], { type: mediaData.mimetype });
    require('WAWebMediaInMemoryBlobCache').InMemoryMediaBlobCache.put(msg.filehash, blob);
    mediaData.set({ mediaBlob: await OpaqueData.createFromData(blob, blob.type), mediaStage: 'RESOLVED' });
  }

  exports.downloadMedia = async (msg) => {
    const { mediaData } = msg;
    if (!mediaData || mediaData.mediaBlob) return;
    mediaData.set({ mediaStage: 'FETCHING' });
    try {
      await load(msg);
    } catch (error) {
      const missing = error instanceof MediaNotFoundError || error.status === 404;
      mediaData.set({ mediaStage: missing ? 'ERROR_MISSING' : 'NEED_POKE' });
    }
  };
});
