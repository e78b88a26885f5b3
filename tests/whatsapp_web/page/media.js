/*
 * Media: a file is hashed, uploaded, and then sent as a message that points to it.
 */
'use strict';

defineDefault('WAWebMediaOpaqueData', (exports) => {
  class OpaqueData {
    #blob;
    #url = null;

    constructor(blob) {
      this.#blob = blob;
    }

    static async createFromData(data, type) {
      return new OpaqueData(new Blob([data], { type: type ?? data.type }));
    }

    forceToBlob() {
      return this.#blob;
    }

    formData() {
      return this.#blob;
    }

    size() {
      return this.#blob.size;
    }

    type() {
      return this.#blob.type;
    }

    url() {
      this.#url ??= URL.createObjectURL(this.#blob);
      return this.#url;
    }

    retain() {}

    autorelease() {}

    throwIfReleased() {}
  }
  exports.default = OpaqueData;
});

defineModule('WAMediaCalculateFilehash', (exports, require) => {
  exports.calculateFilehashFromBlob = async (blob) =>
    require('WABase64').encodeB64(await crypto.subtle.digest('SHA-256', await blob.arrayBuffer()));
  exports.getRandomFilehash = async () =>
    require('WABase64').encodeB64(crypto.getRandomValues(new Uint8Array(32)));
});

defineModule('WAWebMediaDataModel', (exports, require) => {
  const { BaseModel } = require('WAWebBaseModel');

  class MediaData extends BaseModel {
    static defaults = () => ({
      type: undefined,
      mimetype: undefined,
      size: undefined,
      filehash: undefined,
      mediaStage: 'INIT',
      mediaBlob: undefined,
      isGif: false,
      filename: undefined,
    });

    toJSON() {
      const { mediaBlob, mediaStage, ...plain } = this.attributes;
      return plain;
    }
  }
  MediaData.prototype.proxyName = 'media-data';
  exports.default = MediaData;
});

defineModule('WAWebMediaStorage', (exports) => {
  const kept = new Map();

  class MediaObject {
    contentInfo = {};
    entries = {};

    constructor(filehash) {
      this.filehash = filehash;
    }

    consolidate(known) {
      Object.assign(this, { type: known.type, size: known.size, mimetype: known.mimetype });
      if (known.mediaBlob) this.mediaBlob = known.mediaBlob;
    }
  }
  exports.getOrCreateMediaObject = (filehash) => {
    if (!kept.has(filehash)) kept.set(filehash, new MediaObject(filehash));
    return kept.get(filehash);
  };
  exports.webMediaTypeToWamMediaType = (type) => type;
  exports.MediaObject = MediaObject;
});

defineModule('WAWebMmsMediaTypes', (exports) => {
  exports.msgToMediaType = ({ type }) => type;
  exports.castToV4 = (type) => type;
});

defineModule('WAWebMediaDataUtils', (exports) => {
  exports.shouldUseMediaCache = () => true;
  exports.getImageWidthHeight = async () => ({ width: 0, height: 0 });
});

defineModule('WAWebMediaInMemoryBlobCache', (exports) => {
  class InMemoryMediaBlobCacheImpl {
    #blobs = new Map();

    put(hash, blob) {
      this.#blobs.set(hash, blob);
    }

    get(hash) {
      return this.#blobs.get(hash);
    }

    has(hash) {
      return this.#blobs.has(hash);
    }
  }
  Object.assign(exports, {
    InMemoryMediaBlobCacheImpl,
    InMemoryMediaBlobCache: new InMemoryMediaBlobCacheImpl(),
  });
});

defineModule('WAWebMediaGatingUtils', (exports, require) => {
  const MIB = 1 << 20;
  const ofType = (type) => (type === 'document' ? 2048 * MIB : type === 'sticker' ? MIB : 64 * MIB);
  exports.getUploadLimit = (type) => require('WAWebServerMood').now().uploadLimitBytes || ofType(type);
});

defineModule('WAWebMmsHost', (exports, require) => {
  /** Name the number that asks for a file or gives one. */
  exports.whoAsks = () => new URLSearchParams({ number: require('WAWebCredentials').getMe()?.phone ?? '' });
});

defineModule('WAWebImageUtils', (exports, require) => {
  /** Look into a film; one that the browser has no codec for is an error. */
  exports.generateVideoThumbsAndDuration = async ({ maxDimensions }) => {
    if (require('WAWebServerMood').now().videoCodecMissing) {
      throw new Error('MEDIA_ERR_SRC_NOT_SUPPORTED');
    }
    return { duration: 1, thumbs: maxDimensions.map((edge) => ({ fullWidth: edge, fullHeight: edge })) };
  };
});

defineModule('WAWebMediaMmsV4Upload', (exports, require) => {
  const { encodeB64 } = require('WABase64');

  async function post(blob, type, mimetype) {
    const response = await fetch(`/mms/${type}?${require('WAWebMmsHost').whoAsks()}`, {
      method: 'POST',
      body: blob,
      headers: { 'Content-Type': mimetype },
    });
    if (!response.ok) throw new Error(`upload failed: ${response.status}`);
    return response.json();
  }

  exports.uploadMedia = async ({ mimetype, mediaObject, mediaType }) => {
    const { InMemoryMediaBlobCache } = require('WAWebMediaInMemoryBlobCache');
    const blob = mediaObject.mediaBlob?.forceToBlob?.() ?? InMemoryMediaBlobCache.get(mediaObject.filehash);
    const { id } = await post(blob, mediaType, mimetype);
    const mediaKey = encodeB64(crypto.getRandomValues(new Uint8Array(32)));
    const directPath = `/mms/${id}`;
    const mediaEntry = {
      mediaKey,
      mediaKeyTimestamp: Math.floor(Date.now() / 1000),
      directPath,
      mmsUrl: location.origin + directPath,
      deprecatedMms3Url: location.origin + directPath,
      encFilehash: mediaObject.filehash,
      uploadHash: mediaObject.filehash,
      handle: id,
    };
    return { kind: 'success', mediaEntry };
  };
  exports.uploadUnencryptedMedia = exports.uploadMedia;
});

defineModule('WAWebPrepRawMedia', (exports, require, importNamespace) => {
  function typeOf(mimetype, options) {
    if (options.asDocument) return 'document';
    if (options.asSticker) return 'sticker';
    if (options.isPtt) return 'ptt';
    const kind = mimetype.split('/')[0];
    return ['image', 'video', 'audio'].includes(kind) ? kind : 'document';
  }

  async function upload(mediaData) {
    const mediaObject = require('WAWebMediaStorage').getOrCreateMediaObject(mediaData.filehash);
    mediaObject.consolidate(mediaData.attributes);
    mediaData.set({ mediaStage: 'UPLOADING' });
    const uploaded = await importNamespace('WAWebMediaMmsV4Upload').uploadMedia({
      mimetype: mediaData.mimetype,
      mediaObject,
      mediaType: mediaData.type,
    });
    const { directPath, mediaKey, mediaKeyTimestamp, encFilehash, mmsUrl } = uploaded.mediaEntry;
    mediaData.set({
      directPath,
      mediaKey,
      mediaKeyTimestamp,
      encFilehash,
      clientUrl: mmsUrl,
      mediaStage: 'RESOLVED',
    });
  }

  class MediaPrep {
    constructor(blob, options) {
      const MediaData = importNamespace('WAWebMediaDataModel').default;
      const mimetype = blob.type();
      this.mediaData = new MediaData({
        mimetype,
        size: blob.size(),
        type: typeOf(mimetype, options),
        mediaBlob: blob,
        isGif: Boolean(options.asGif),
      });
      this.ready = this.prepare(blob);
      this.ready.catch(() => {});
    }

    async prepare(blob) {
      if (require('WAWebServerMood').now().mediaPrepHang) await new Promise(() => {});
      try {
        await this.lookInto(blob);
      } catch (error) {
        this.mediaData.set({ mediaStage: 'ERROR_UNSUPPORTED' });
        throw error;
      }
      const filehash = await require('WAMediaCalculateFilehash').calculateFilehashFromBlob(
        blob.forceToBlob(),
      );
      this.mediaData.set({ filehash, mediaStage: 'PREPARED' });
    }

    async lookInto(blob) {
      if (this.mediaData.type !== 'video') return;
      const request = { file: blob.forceToBlob(), maxDimensions: [100, 480] };
      const { duration, thumbs } = await importNamespace('WAWebImageUtils').generateVideoThumbsAndDuration(request);
      const [{ fullWidth, fullHeight }] = thumbs;
      this.mediaData.set({ duration: String(duration), fullWidth, fullHeight });
    }

    async waitForPrep() {
      await this.ready;
      return this.mediaData;
    }

    async sendToChat({ chat, options }) {
      const { mediaData } = this;
      const { type, mimetype, size, filehash } = await this.waitForPrep();
      const raw = {
        ...options.productMsgOptions,
        type: options.type ?? type,
        mimetype,
        size,
        filehash,
        mediaData,
        isUnsentMedia: true,
      };
      if (options.caption !== undefined) raw.caption = options.caption;
      return this.#keepAndSend(chat, raw);
    }

    /** The message is in the chat before its file is up: an upload that fails leaves it there, unsent. */
    async #keepAndSend(chat, raw) {
      const msg = await importNamespace('WAWebSendMsgChatAction').addMsgToChat(chat, raw);
      await require('WAWebConnection').whenReady();
      try {
        await upload(this.mediaData);
      } catch {
        msg.set({ ack: require('WAWebAck').ACK.FAILED }); // in memory only, as the real page does
        return { messageSendResult: 'ERROR_UPLOAD' };
      }
      const { directPath, mediaKey, mediaKeyTimestamp, encFilehash, clientUrl } = this.mediaData;
      const file = { directPath, mediaKey, mediaKeyTimestamp, encFilehash, clientUrl, isUnsentMedia: false };
      msg.set(file);
      await importNamespace('WAWebDBUpdateMessageTable').updateMessageTable(msg.id, file);
      return importNamespace('WAWebSendMsgRecordAction').sendMsgRecord(msg);
    }
  }
  Object.assign(exports, {
    MediaPrep,
    prepRawMedia: (blob, options) => new MediaPrep(blob, options),
    uploadProductImage: async () => null,
  });
});
