/*
 * What wwebjs-mongo is given as mongoose: the real one where it is installed. Where it is not, a
 * folder stands in for its GridFS. No database is asked then, which can only make the peer faster.
 */
'use strict';

const fs = require('node:fs');
const path = require('node:path');

async function connected(need, uri, folder) {
  let mongoose;
  try {
    mongoose = need('mongoose');
  } catch {
    return standIn(folder);
  }
  await mongoose.connect(uri);
  return mongoose;
}

function standIn(folder) {
  const bucketFolder = (name) => {
    const of = path.join(folder, name);
    fs.mkdirSync(of, { recursive: true });
    return of;
  };
  const files = (bucket) => fs.readdirSync(bucketFolder(bucket)).sort();

  class GridFSBucket {
    constructor(_db, { bucketName }) {
      this.name = bucketName;
    }
    path(id) {
      return path.join(bucketFolder(this.name), id);
    }
    openUploadStream() {
      return fs.createWriteStream(this.path(`${Date.now()}-${process.hrtime.bigint()}`));
    }
    openDownloadStreamByName() {
      return fs.createReadStream(this.path(files(this.name).at(-1)));
    }
    find() {
      const found = files(this.name).map((id) => ({ _id: id, uploadDate: Number(id.split('-')[0]) }));
      return { toArray: async () => found };
    }
    async delete(id) {
      await fs.promises.unlink(this.path(id));
    }
  }

  const collection = (name) => ({ countDocuments: async () => files(name.replace(/\.files$/, '')).length });
  return { connection: { db: { collection } }, mongo: { GridFSBucket } };
}

module.exports = { connected };
