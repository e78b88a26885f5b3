/** The view of health. */
