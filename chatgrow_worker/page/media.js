// How files are sent. The worker puts the file on its disk and gives it to a file input, so that it does
// not cross the bridge; `content.input` is that input.
//
// These are the steps of wa-js's sendFileMessage (4.6.0), which cannot be used itself: it takes the
// file's name for the caption where there is none, it never ends if the preparation hangs or the page
// refuses the message, and nothing could stop it then. Here nothing is sent once the preparation took
// too long.
//
// Sources (WhatsApp's modules, dump of 2026-04-27): WAWebPrepRawMedia and WAWebMediaPrep (a message is
// in the chat before its file is uploaded; it gets `directPath` after that, and only then it is sent).
const media = (() => {
  const IMAGE_EDGE = 1600;
  const GONE_WITHIN_MS = 10_000;
  const NO_CODEC = 'MEDIA_ERR_SRC_NOT_SUPPORTED';

  const PREPARED_AS = {
    image: {maxDimension: IMAGE_EDGE},
    video: {},
    audio: {},
    voice: {isPtt: true},
    document: {asDocument: true},
    sticker: {asSticker: true},
  };
  const LIMIT_OF = {voice: 'audio'};

  function fileOf({input, filename, mimetype}) {
    const [file] = input.files;
    if (!file) throw inPage.refusal('media_file_missing');
    return new File([file], filename, {type: mimetype});
  }

  function checkSize(file, as) {
    const limit = whatsApp.uploadLimit(LIMIT_OF[as] ?? as, null);
    if (file.size > limit) throw inPage.refusal('file_too_large', `WhatsApp takes ${limit} bytes`);
  }

  function prepared(prep, withinMs) {
    const late = inPage.after(withinMs).then(() => {
      throw inPage.refusal('media_not_prepared', `the page was not ready within ${withinMs} ms`);
    });
    const failed = prep.waitForPrep().catch((error) => {
      const noCodec = String(error?.message ?? error).includes(NO_CODEC);
      throw inPage.refusal(noCodec ? 'video_codec_missing' : 'media_not_readable', String(error));
    });
    return Promise.race([failed, late]);
  }

  // A caption is always given, though it may be empty, so that the page does not make one up.
  async function send(content, chatId, options) {
    const {as, caption = '', filename, prepWithinMs} = content;
    const chat = await inPage.chatOf(chatId);
    const file = fileOf(content);
    checkSize(file, as);
    const opaque = await whatsApp.opaqueData(file, file.type);
    const prep = whatsApp.prepareMedia(opaque, PREPARED_AS[as]);
    const raw = await whatsApp.rawMessage(
      chat,
      {caption, filename, isCaptionByUser: caption !== ''},
      options,
    );
    await prepared(prep, prepWithinMs);
    const how = {caption, productMsgOptions: raw, addEvenWhilePreparing: false};
    const sending = prep.sendToChat({chat, options: how});
    return {ack: 0, sendMsgResult: sending};
  }

  // Whether a stored message lacks its file: it was certainly not sent.
  const lacksFile = (message) => !message.directPath;

  // Removes a message whose file was not uploaded, so that its id can be used again.
  async function removeUnsent(message, key, chatId) {
    await whatsApp.deleteMessage(message.id.remote, [String(message.id)], true, false);
    const gone = async () => (await inPage.find(key, chatId)) === null;
    if (!(await inPage.becomes(gone, GONE_WITHIN_MS))) throw inPage.refusal('not_removed');
  }

  return {send, lacksFile, removeUnsent};
})();
