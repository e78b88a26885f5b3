// @ts-check
/** The view of stats. */

import '../../dashboard/frame.js';
