// @ts-check
/** The view of customer. */

import '../../dashboard/frame.js';
