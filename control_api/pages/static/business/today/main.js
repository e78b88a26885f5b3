// @ts-check
/** The view of today. */

import '../../dashboard/frame.js';
