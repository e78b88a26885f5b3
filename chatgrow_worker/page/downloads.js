// Fetches the files of received messages into the page, and hands them out piece by piece.
//
// wa-js asks the sender's phone for a file that WhatsApp no longer has. Where that fails, too, it throws
// a plain object; only the file's stage then tells that it is gone (WAWebMediaTypes, dump of 2026-04-27).
const downloads = (() => {
  const GONE = 'ERROR_MISSING';
  const found = new Map();

  // The key itself is passed on: a key as text is not found in chats that have moved to a LID.
  async function fetchFile(key) {
    await whatsApp.findChat(key.split('_')[1]); // or the message is not found
    const message = await whatsApp.storedMessage(key);
    try {
      return await whatsApp.downloadMedia(message.id);
    } catch (error) {
      const gone = message.mediaData?.mediaStage === GONE;
      const text = String(error?.message ?? error);
      throw Object.assign(new Error(text), {code: gone ? 'media_gone' : 'media_not_fetched'});
    }
  }

  function toBase64(blob) {
    return new Promise((resolve, reject) => {
      const reader = new FileReader();
      reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(',') + 1));
      reader.onerror = () => reject(reader.error);
      reader.readAsDataURL(blob);
    });
  }

  return {
    // Starts to fetch a file; ask `downloadState` for what became of it.
    beginDownload: (key) => {
      if (found.get(key)?.state === 'pending') return;
      const entry = {state: 'pending', size: null, code: null, blob: null};
      found.set(key, entry);
      fetchFile(key).then(
        (blob) => Object.assign(entry, {state: 'ready', size: blob.size, blob}),
        (error) => Object.assign(entry, {state: 'failed', code: String(error?.code ?? error?.name)}),
      );
    },

    downloadState: (key) => {
      const {state, size, code} = found.get(key) ?? {state: 'none', size: null, code: null};
      return {state, size, code};
    },

    downloadPiece: (key, start, end) => toBase64(found.get(key).blob.slice(start, end)),

    dropDownload: (key) => {
      found.delete(key);
    },
  };
})();
